"""Zstandard from the standard library (Python 3.14), or its backport."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 14):
    from compression.zstd import CompressionParameter, DecompressionParameter, ZstdDecompressor, compress, decompress
else:
    from backports.zstd import CompressionParameter, DecompressionParameter, ZstdDecompressor, compress, decompress

__all__ = ["CompressionParameter", "DecompressionParameter", "ZstdDecompressor", "compress", "decompress"]
