"""The part of JSON Schema that answers are made to match; everything else in a schema is passed over.

Types, `properties`, `required`, `items`, `enum`, `const`, the bounds of numbers, lengths and arrays, `format`, `anyOf`,
`oneOf`, the first of `allOf`, and `$ref` to the root or into `$defs`, recursion included. A `pattern`, a condition or
a tuple of items is not obeyed.
"""

from typing import Final, Union

import msgspec

_DEFINITIONS: Final = ("#/$defs/", "#/definitions/")


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a JSON Schema."""

    type: str | tuple[str, ...] | None = None
    properties: dict[str, Union["Schema", bool]] | None = None
    required: tuple[str, ...] = ()
    items: Union["Schema", bool, None] = None
    min_items: int = msgspec.field(name="minItems", default=0)
    max_items: int | None = msgspec.field(name="maxItems", default=None)
    min_length: int = msgspec.field(name="minLength", default=0)
    max_length: int | None = msgspec.field(name="maxLength", default=None)
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = msgspec.field(name="exclusiveMinimum", default=None)
    below: float | None = msgspec.field(name="exclusiveMaximum", default=None)
    multiple_of: float | None = msgspec.field(name="multipleOf", default=None)
    format: str | None = None
    enum: tuple[msgspec.Raw, ...] = ()
    const: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    any_of: tuple[Union["Schema", bool], ...] = msgspec.field(name="anyOf", default=())
    one_of: tuple[Union["Schema", bool], ...] = msgspec.field(name="oneOf", default=())
    all_of: tuple[Union["Schema", bool], ...] = msgspec.field(name="allOf", default=())
    ref: str | None = msgspec.field(name="$ref", default=None)
    defs: dict[str, Union["Schema", bool]] | None = msgspec.field(name="$defs", default=None)
    definitions: dict[str, Union["Schema", bool]] | None = None

    def definition(self, ref: str) -> "AnySchema":
        """Return what `ref` points to in this, the root schema; a reference that leads nowhere allows everything."""
        if ref == "#":
            return self
        for prefix, known in zip(_DEFINITIONS, (self.defs, self.definitions), strict=True):
            if known and ref.startswith(prefix):
                return known.get(ref.removeprefix(prefix), True)
        return True

    @property
    def options(self) -> "tuple[AnySchema, ...]":
        """The schemas one of which a value is to match, when this one says nothing itself."""
        return self.any_of or self.one_of or self.all_of[:1]

    @property
    def types(self) -> tuple[str, ...]:
        """The types that a value may have; empty when the schema does not say."""
        if self.type is not None:
            return (self.type,) if isinstance(self.type, str) else self.type
        if self.properties is not None:
            return ("object",)
        return () if self.items is None else ("array",)


AnySchema = Schema | bool
_decoder: Final[msgspec.json.Decoder["AnySchema"]] = msgspec.json.Decoder(Union[Schema, bool])  # noqa: UP007 - a runtime value, as the fields above


def parse_schema(raw: bytes | msgspec.Raw) -> AnySchema:
    """Read a schema; raises `msgspec.ValidationError` for one that cannot be read here."""
    return _decoder.decode(raw)
