"""What Cohere bills."""

import msgspec


class Count(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Tokens, or searches."""

    input_tokens: int | msgspec.UnsetType = msgspec.UNSET
    output_tokens: int | msgspec.UnsetType = msgspec.UNSET
    search_units: int | msgspec.UnsetType = msgspec.UNSET


class Version(msgspec.Struct, frozen=True, gc=False):
    """The API's version."""

    version: str = "2"


class Meta(msgspec.Struct, frozen=True, gc=False):
    """What is billed, where it is not a chat."""

    billed_units: Count
    api_version: Version = Version()
