"""The record: every decision on an append-only log whose tampering shows (RFC 6962, C2SP tiles and checkpoints)."""
