"""What the config's types say about a place: which names may stand there, and whether it is a secret."""

import types
from collections.abc import Iterator
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr

from .errors import Place


def names_at(root: type[BaseModel], place: Place) -> tuple[str, ...]:
    """Return the names that may stand in the mapping at `place`; empty if any may, or if it is no mapping."""
    return tuple(
        name
        for kind in _kinds_at(root, place)
        if isinstance(kind, type) and issubclass(kind, BaseModel)
        for name in kind.model_fields
    )


def is_secret(root: type[BaseModel], place: Place) -> bool:
    """Say whether what stands at `place`, or anything around it, is a secret."""
    return any(SecretStr in kinds for kinds in _kinds_along(root, place))


def _kinds_at(root: type[BaseModel], place: Place) -> list[object]:
    return [root] if not place else list(_kinds_along(root, place))[-1]


def _kinds_along(root: type[BaseModel], place: Place) -> Iterator[list[object]]:
    """Yield the kinds that may stand at each step of `place`."""
    kinds: list[object] = [root]
    for step in place:
        kinds = [inner for kind in kinds for inner in _inside(kind, step)]
        yield kinds


def _inside(kind: object, step: str | int) -> list[object]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = kind.model_fields.get(str(step))
        return [] if field is None else _plain(field.annotation)
    if get_origin(kind) in {dict, list, tuple}:
        return _plain(get_args(kind)[-1])
    return []


def _plain(annotation: object) -> list[object]:
    """Return the alternatives of an annotation without what decorates them."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        return [kind for each in get_args(annotation) for kind in _plain(each)]
    return [annotation]
