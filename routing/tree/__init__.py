"""Routes as trees: compiled once from the config, walked for each request."""
