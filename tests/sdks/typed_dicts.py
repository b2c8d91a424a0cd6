"""A client's request types as judges: unknown keys are forbidden everywhere, which TypedDicts do not do themselves."""

import sys
import typing

from pydantic import ConfigDict, TypeAdapter


def strict(package: str, request: typing.Any) -> TypeAdapter[typing.Any]:
    """Return the adapter of a request's type, of a package whose types all become strict."""
    for name, module in list(sys.modules.items()):
        if name.startswith(package):
            for value in vars(module).values():
                if typing.is_typeddict(value) or getattr(value, "__total__", None) is not None:
                    value.__pydantic_config__ = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    return TypeAdapter(request)
