"""Exit statuses. They are API: scripts branch on them."""

import enum


class Status(enum.IntEnum):
    """How a command ended."""

    #: Everything that was asked for.
    DONE = 0
    #: Our fault, or that of something we need: trying again may help.
    OUR_FAULT = 1
    #: Bad usage, or a config that is wrong: trying again does not help.
    BAD_USAGE = 2
    #: Done, and some requests failed.
    SOME_FAILED = 3
    #: Stopped by Ctrl-C; what was begun can be resumed.
    INTERRUPTED = 130
