"""Parsers and algebra that know nothing of this product."""
