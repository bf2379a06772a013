"""The nouns that rooms exchange, the member registry, errors and limits."""
