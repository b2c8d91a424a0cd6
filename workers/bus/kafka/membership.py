"""Who a worker is to its consumer group."""

from typing import Final, NamedTuple


class Membership(NamedTuple):
    """Member and generation, as of the assignment that says what is ours."""

    generation: int
    member: str
    #: The name of a static member.
    instance: str | None


#: What a producer without a consumer says: then the broker checks nothing.
NOBODY: Final = Membership(-1, "", None)
