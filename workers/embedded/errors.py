"""What can go wrong with the embedded server."""


class EmbeddedServerError(OSError):
    """The embedded server cannot run; the message says why and what to do.

    An `OSError`, as a server that cannot be reached is: whoever reconnects meets both.
    """
