"""What a provider does to parameters of OpenAI's wire: left out, called otherwise, or refused; pure.

Nothing is left out silently unless it says what the provider does anyway, such as `n: 1`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import msgspec

from ...schemas.failures import Code, Failure, failure
from ...schemas.request import Endpoint
from ..service import MOST_TWINS, Service
from .fan_out import spread_note
from .flat_content import flat
from .reasoning import EFFORT, STYLES, put

Fields = dict[str, msgspec.Raw]

#: What parameters are when they ask for nothing, as JSON: OpenAI's defaults.
_IDLE: Final[Mapping[str, frozenset[bytes]]] = MappingProxyType(
    {
        "n": frozenset({b"1"}),
        "logprobs": frozenset({b"false"}),
        "top_logprobs": frozenset({b"0"}),
        "frequency_penalty": frozenset({b"0", b"0.0"}),
        "presence_penalty": frozenset({b"0", b"0.0"}),
        "logit_bias": frozenset({b"{}"}),
        "parallel_tool_calls": frozenset({b"true"}),
        "service_tier": frozenset({b'"auto"', b'"default"'}),
        "tool_choice": frozenset({b'"auto"'}),
        "tools": frozenset({b"[]"}),
        "stop": frozenset({b"[]"}),
    }
)
_NULL: Final = b"null"
#: What a number's JSON begins with.
_DIGITS: Final = frozenset(b"-0123456789"[at : at + 1] for at in range(11))


@dataclass(frozen=True, slots=True)
class Fitted:
    """A body's fields as the provider takes them, and what had to be left out or put otherwise."""

    fields: Fields
    notes: tuple[str, ...]
    #: How many calls with this body make as many choices as were asked for.
    twins: int = 1


def has_rules(service: Service) -> bool:
    """Say whether a body may have to change."""
    rules = service.rules
    return bool(
        rules.unsupported
        or rules.rename
        or rules.ranges
        or rules.values
        or rules.fixed
        or rules.text_only
        or service.reasoning != "effort"
    )


def fitted(fields: Fields, endpoint: Endpoint, service: Service, provider: str) -> Fitted | Failure:
    """Make a body fit a provider. The rules are those of chat completions; other endpoints have only what is fixed."""
    if endpoint is not Endpoint.CHAT:
        fixed = _raw(service.rules.fixed) if endpoint is Endpoint.RESPONSES else Fields()
        return Fitted({**fields, **fixed}, ())
    fields = dict(fields)
    twins = 1 if service.fan_out_over is None else _spread(fields, service)
    refused = dict(_refused(fields, service))
    dropped = {name for name in refused if name in fields and service.may_drop(name)}
    if refused.keys() - dropped:
        return _refusal({name: refused[name] for name in sorted(refused.keys() - dropped)}, provider)
    for name in dropped:
        del fields[name]
    notes = [f"left out {name}: {provider} takes {refused[name]}" for name in sorted(dropped)]
    notes += [] if twins == 1 else [spread_note(twins)]
    notes += _put_otherwise(fields, service)
    if service.rules.text_only and not flat(fields):
        return failure(
            Code.UNSUPPORTED_PARAMETER, expected=f"messages of {provider} that are text alone", given="other"
        )
    fields.update(_raw(service.rules.fixed))
    return Fitted(fields, tuple(notes), twins)


def _spread(fields: Fields, service: Service) -> int:
    """Return how many calls make the choices that are asked for; if there are several, each asks for one."""
    try:
        twins = service.twins(msgspec.json.decode(fields.get("n", b"1"), type=int))
    except msgspec.DecodeError:  # no number: it is refused as what it is
        return 1
    if twins > 1:
        del fields["n"]
    return twins


def _refused(fields: Fields, service: Service) -> Iterator[tuple[str, str]]:
    """Yield parameters that the provider cannot honour, and what it takes; remove those that ask for nothing."""
    rules = service.rules
    for name in rules.unsupported & fields.keys():
        if _asks_nothing(name, bytes(fields[name])):
            del fields[name]
        else:
            spreads = name == "n" and service.fan_out_over is not None
            yield name, f"1 to {MOST_TWINS}" if spreads else "no such parameter"
    for name, (least, most) in rules.ranges.items():
        if name in fields and _outside(bytes(fields[name]), least, most):
            yield name, f"{least:g} to {most:g}"
    if EFFORT in fields and not STYLES[service.reasoning].known:
        if bytes(fields[EFFORT]) == _NULL:
            del fields[EFFORT]
        else:
            yield EFFORT, "no such parameter"


def _refusal(refused: Mapping[str, str], provider: str) -> Failure:
    expected = "; ".join(f"{name}: {takes}" for name, takes in refused.items())
    return failure(Code.UNSUPPORTED_PARAMETER, expected=f"what {provider} takes ({expected})", given=", ".join(refused))


def _asks_nothing(name: str, value: bytes) -> bool:
    return value == _NULL or value in _IDLE.get(name, ())


def _outside(value: bytes, least: float, most: float) -> bool:
    number = _number(value)
    return number is not None and not least <= number <= most


def _number(value: bytes) -> float | None:
    """Return a number's value; None for all else, and for what no float holds."""
    if value[:1] not in _DIGITS:
        return None
    try:
        return msgspec.json.decode(value, type=float)
    except msgspec.DecodeError:
        return None


def _put_otherwise(fields: Fields, service: Service) -> Iterator[str]:
    """Say what has other words there in those words; yield what became something else."""
    for name, words in service.rules.values.items():
        value = bytes(fields[name]).decode() if name in fields else ""
        if value in words:
            fields[name] = msgspec.Raw(words[value].encode())
    if service.reasoning != "effort" and bytes(fields.get(EFFORT, b"")).startswith(b'"'):
        note = put(fields, msgspec.json.decode(fields.pop(EFFORT), type=str), STYLES[service.reasoning])
        if note is not None:
            yield note
    for name, other in service.rules.rename.items():
        if name in fields:
            _rename(fields, name, other)


def _rename(fields: Fields, name: str, other: str) -> None:
    """Where both names are there, the smaller number counts, as it does for budgets."""
    given = [fields.pop(name), fields.pop(other, msgspec.Raw(_NULL))]
    numbers = {number: each for each in given if (number := _number(bytes(each))) is not None}
    fields[other] = numbers[min(numbers)] if numbers else given[0]


def _raw(values: Mapping[str, str]) -> Fields:
    return {name: msgspec.Raw(value.encode()) for name, value in values.items()}
