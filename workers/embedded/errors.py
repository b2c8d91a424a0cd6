"""What can go wrong with the embedded server."""


class EmbeddedServerError(Exception):
    """The embedded server cannot run; the message says why and what to do."""
