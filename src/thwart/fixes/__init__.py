"""Fixes: findings and documents in, edited documents and a patch out; comments and formatting are kept."""
