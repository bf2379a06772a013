"""Network policy as mathematics: workloads and policies in, reachability out, each answer with its reason.

Pure functions of bytes: `world.read_world` reads documents, `engine.Model` makes a world ready, `explain.judge` answers one
flow, `mapping.build_map` all of them.
"""
