"""One module for each format of evidence; the module's name is the `format` of its pieces, with `_` for `-`."""
