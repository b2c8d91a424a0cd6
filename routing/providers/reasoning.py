"""How providers of OpenAI's wire take `reasoning_effort`: named styles, each as data.

Source: the request controls that models.dev lists for each provider (June 2026), and the providers' own references.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import msgspec

#: The parameter of OpenAI's wire, and its value for no reasoning at all.
EFFORT: Final = "reasoning_effort"
NONE: Final = "none"

#: A value of JSON.
Json = bool | int | str | Mapping[str, "Json"]


def _frozen(**fields: Json) -> Mapping[str, Json]:
    return MappingProxyType(fields)


@dataclass(frozen=True, slots=True)
class Style:
    """What stands in the body instead of `reasoning_effort`."""

    #: For any effort but `none`.
    on: Mapping[str, Json] = field(default_factory=_frozen)
    #: For `none`.
    off: Mapping[str, Json] = field(default_factory=_frozen)
    #: The field that the effort itself goes into, dotted; None: there are no levels.
    level: str | None = None
    #: Tokens of thinking by effort, and the field that they go into; an effort that is not here has no bound.
    budgets: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    budget: str | None = None
    #: Whether there is any control at all.
    known: bool = True


#: Where a provider takes tokens instead of levels: what Requesty documents for Anthropic's models; `high` has no bound.
_BUDGETS: Final = MappingProxyType({"minimal": 1_024, "low": 1_024, "medium": 8_192})

STYLES: Final[Mapping[str, Style]] = MappingProxyType(
    {
        "effort": Style(level=EFFORT),
        "nested": Style(level="reasoning.effort", off=_frozen(reasoning={"effort": NONE})),
        "thinking": Style(_frozen(thinking={"type": "enabled"}), _frozen(thinking={"type": "disabled"})),
        "thinking-effort": Style(
            _frozen(thinking={"type": "enabled"}), _frozen(thinking={"type": "disabled"}), level=EFFORT
        ),
        "budget": Style(
            _frozen(enable_thinking=True),
            _frozen(enable_thinking=False),
            budgets=_BUDGETS,
            budget="thinking_budget",
        ),
        "toggle": Style(_frozen(enable_thinking=True), _frozen(enable_thinking=False)),
        "template": Style(
            _frozen(chat_template_kwargs={"enable_thinking": True}),
            _frozen(chat_template_kwargs={"enable_thinking": False}),
        ),
        "flag": Style(_frozen(thinking=True), _frozen(thinking=False)),
        "none": Style(known=False),
    }
)


def put(fields: dict[str, msgspec.Raw], effort: str, style: Style) -> str | None:
    """Put an effort into a body as a style has it; return what it became, if it is not the same.

    What the body says itself in the provider's own words is stronger.
    """
    ours = _fields(effort, style)
    for name, value in ours.items():
        fields[name] = _merged(value, fields.get(name))
    if style.level is not None:
        return None
    return f"{EFFORT} {effort} became {msgspec.json.encode(ours).decode()}"


def _fields(effort: str, style: Style) -> dict[str, Json]:
    if effort == NONE and style.off:
        return dict(style.off)
    ours = dict(style.on)
    if style.level is not None:
        name, _, inner = style.level.partition(".")
        ours[name] = {inner: effort} if inner else effort
    if style.budget is not None and effort in style.budgets:
        ours[style.budget] = style.budgets[effort]
    return ours


def _merged(ours: Json, theirs: msgspec.Raw | None) -> msgspec.Raw:
    if theirs is None or bytes(theirs) == b"null":
        return msgspec.Raw(msgspec.json.encode(ours))
    if not isinstance(ours, Mapping) or not bytes(theirs).startswith(b"{"):
        return theirs
    inner = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in ours.items()}
    return msgspec.Raw(msgspec.json.encode({**inner, **msgspec.json.decode(theirs, type=dict[str, msgspec.Raw])}))
