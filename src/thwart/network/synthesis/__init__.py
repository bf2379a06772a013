"""The least policies that allow given flows: asked, planned, drafted, written, and proved by the engine.

`asking` holds what is asked for, `learning` fills it from flow logs and `manifests` from a static reading; `synthesise`
(in `making`) turns it into policies and their proof. One file per policy dialect in `dialects`.
"""
