"""How an attempt ended, as the books say it."""

import enum


class Outcome(enum.StrEnum):
    """The words of the books' `outcome` column."""

    #: Still under way.
    OPEN = "open"
    #: Answered in full. Billed.
    SERVED = "served"
    #: Answered by an error, in whatever status. Not billed.
    ERROR = "error"
    #: Answered in full with something that is no JSON. Billed.
    MALFORMED = "malformed"
    #: The connection was closed before any byte. Not billed.
    CUT = "cut"
    #: The connection was closed in the middle of the answer. Billed.
    CUT_BODY = "cut_body"
    #: Never answered. Not billed.
    HANG = "hang"
    #: The connection ended before the answer was sent. Billed if the answer would have been.
    CLIENT_GONE = "client_gone"
