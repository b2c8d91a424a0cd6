"""What LiteLLM's values may be, and what all parts of its config have in common."""

from typing import Annotated, ClassVar

from pydantic import Field

from ..section import Reference, Section

Option = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] | Reference
Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]+$")] | Reference
Header = Annotated[str, Field(pattern=r"^[\x20-\x7e]+$")]
Text = Annotated[str, Field(min_length=1)]
Duration = Annotated[str, Field(pattern=r"^\d+ ?(s|m|h|d|w|mo)?$")]
Order = Annotated[int, Field(ge=0, le=10**9)]


class OfLitellm(Section):
    """A part of a LiteLLM config."""

    source: ClassVar[str] = "litellm"
