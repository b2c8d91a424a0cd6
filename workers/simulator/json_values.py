"""JSON that matches a schema, for `json_schema` answers and the arguments of tool calls."""

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from .chance import Dice
from .json_schema import AnySchema, Schema
from .words import VOCABULARY

#: From here on the shortest way out is taken: optional properties and items are left out, null is preferred.
_DEEP: Final = 4
#: A schema that requires itself has no finite value: it is given up at this depth, or after so many values.
_BOTTOM: Final = 64
_MOST: Final = 10_000
_SPAN: Final = 1000
_ITEMS: Final = 2

#: A value of each format; the numbers make them differ.
_FORMATS: Final[Mapping[str, Callable[[int], str]]] = MappingProxyType(
    {
        "date": lambda number: f"20{number % 90 + 10}-0{number % 9 + 1}-{number % 19 + 10}",
        "time": lambda number: f"1{number % 10}:{number % 50 + 10}:00Z",
        "date-time": lambda number: f"20{number % 90 + 10}-0{number % 9 + 1}-{number % 19 + 10}T12:00:00Z",
        "duration": lambda number: f"PT{number % 59 + 1}M",
        "email": lambda number: f"user{number % 10**6}@example.com",
        "hostname": lambda number: f"host{number % 10**6}.example.com",
        "uri": lambda number: f"https://example.com/{number % 10**6}",
        "uuid": lambda number: f"{number % 2**32:08x}-0000-4000-8000-{number % 2**48:012x}",
        "ipv4": lambda number: f"10.0.{number % 256}.{number // 256 % 256}",
        "ipv6": lambda number: f"fd00::{number % 2**16:x}",
    }
)


def json_matching(schema: AnySchema, dice: Dice) -> str:
    """Return the text of a JSON value that matches `schema`, the same one for the same dice."""
    return _Filler(schema, dice).value(schema, 0)


class _Filler:
    """Walks one schema."""

    def __init__(self, root: AnySchema, dice: Dice) -> None:
        self._root = root if isinstance(root, Schema) else Schema()
        self._dice = dice
        self._left = _MOST

    def value(self, schema: AnySchema, depth: int) -> str:
        self._left -= 1
        if not isinstance(schema, Schema) or depth > _BOTTOM or self._left < 0:
            return "null"
        if schema.ref is not None:
            return self.value(self._root.definition(schema.ref), depth + 1)
        if schema.const is not msgspec.UNSET:
            return bytes(schema.const).decode()
        if schema.enum:
            return bytes(schema.enum[self._dice.between(0, len(schema.enum) - 1)]).decode()
        if schema.options and not schema.types:
            return self.value(self._option(schema.options, depth), depth + 1)
        return self._typed(self._type(schema.types, depth), schema, depth)

    def _typed(self, name: str, schema: Schema, depth: int) -> str:
        match name:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "integer" | "number":
                return _number(schema, self._dice, whole=name == "integer")
            case "boolean":
                return "true" if self._dice.between(0, 1) else "false"
            case "null":
                return "null"
            case _:
                return f'"{_string(schema, self._dice)}"'

    def _object(self, schema: Schema, depth: int) -> str:
        known = schema.properties or {}
        names = [name for name in known if depth < _DEEP or name in schema.required]
        names += [name for name in schema.required if name not in known]
        members = (f"{_quoted(name)}:{self.value(known.get(name, True), depth + 1)}" for name in names)
        return f"{{{','.join(members)}}}"

    def _array(self, schema: Schema, depth: int) -> str:
        count = schema.min_items if depth >= _DEEP else max(schema.min_items, _ITEMS)
        if schema.max_items is not None:
            count = min(count, schema.max_items)
        items = True if schema.items is None else schema.items
        return f"[{','.join(self.value(items, depth + 1) for _ in range(min(count, _MOST)))}]"

    def _type(self, types: Sequence[str], depth: int) -> str:
        if not types:
            return "string"
        if depth >= _DEEP and "null" in types:
            return "null"
        return types[self._dice.between(0, len(types) - 1)]

    def _option(self, options: Sequence[AnySchema], depth: int) -> AnySchema:
        if depth < _DEEP:
            return options[self._dice.between(0, len(options) - 1)]
        return min(options, key=_reach)


def _reach(schema: AnySchema) -> int:
    """Rank how far a schema may lead: the deep end takes the nearest."""
    if not isinstance(schema, Schema) or schema.types == ("null",):
        return 0
    if schema.ref is not None:
        return 3
    return 2 if schema.properties or schema.options else 1


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


def _number(schema: Schema, dice: Dice, *, whole: bool) -> str:
    """Choose inside the bounds; where only one is given, within a span of the other."""
    low, high = _bounds(schema)
    step = schema.multiple_of or (1.0 if whole else 0.0)
    if not step:
        inside = low + (high - low) * dice.between(1, _SPAN - 1) / _SPAN
        return repr(inside)
    first, last = math.ceil(low / step), math.floor(high / step)
    first += schema.above is not None and first * step <= schema.above
    last -= schema.below is not None and last * step >= schema.below
    chosen = dice.between(first, max(first, last)) * step
    return repr(int(chosen)) if whole else repr(chosen)


def _bounds(schema: Schema) -> tuple[float, float]:
    lows = [bound for bound in (schema.minimum, schema.above) if bound is not None]
    highs = [bound for bound in (schema.maximum, schema.below) if bound is not None]
    if lows:
        return max(lows), min(highs, default=max(lows) + _SPAN)
    return (min(highs) - _SPAN, min(highs)) if highs else (0.0, float(_SPAN))


def _string(schema: Schema, dice: Dice) -> str:
    """Write words until the text is long enough, then cut it: no quotes or escapes are ever in it."""
    spelled = _FORMATS.get(schema.format or "")
    if spelled is not None:
        return spelled(dice.roll())
    text = VOCABULARY[dice.between(0, 255)]
    while len(text) < max(schema.min_length, 8):
        text += " " + VOCABULARY[dice.between(0, 255)]
    return text[: schema.max_length]
