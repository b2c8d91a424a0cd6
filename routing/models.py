"""What is known of models beside their price: how much they read and write, and what they cannot do."""

import re
import tomllib
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Final, Protocol, Self

import msgspec

from ..schemas.config_routes import Capability


class ModelFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of one model; what is not known is not held against it."""

    #: The most input tokens.
    window: int | None = None
    #: The most output tokens.
    output: int | None = None
    #: What it is known not to be able to do.
    lacks: frozenset[Capability] = frozenset()


class ModelData(Protocol):
    """Knows models."""

    def facts(self, provider: str, model: str, /) -> ModelFacts:
        """Return what is known of `provider`'s `model`."""
        ...


class NoModelData:
    """The peer that knows no model."""

    def __repr__(self) -> str:
        return "<NoModelData>"

    def facts(self, _provider: str, _model: str) -> ModelFacts:
        """Return nothing."""
        return ModelFacts()


NO_MODEL_DATA: Final = NoModelData()

#: The date at the end of a model's name, which names an edition of it.
_EDITION: Final = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8})$")
_Window = Callable[[str, str], int | None]


class ListedModels:
    """The peer that reads `models.toml`, which ships with the product, and beside it asks a price list for windows."""

    def __init__(self, listed: Mapping[str, Mapping[str, ModelFacts]], window: _Window) -> None:
        self._listed = listed
        self._window = window

    @classmethod
    def load(cls, window: _Window) -> Self:
        """Read the file. `window` says the context window of a provider's model where the file does not."""
        text = files("headgate.routing").joinpath("models.toml").read_text(encoding="utf-8")
        return cls(msgspec.convert(tomllib.loads(text), dict[str, dict[str, ModelFacts]]), window)

    def __repr__(self) -> str:
        return f"<ListedModels of {len(self._listed)} providers>"

    def facts(self, provider: str, model: str) -> ModelFacts:
        """Return what is known of `provider`'s `model`; a dated edition is known as its model is."""
        models = self._listed.get(provider, {})
        facts = models.get(model) or models.get(_EDITION.sub("", model)) or ModelFacts()
        if facts.window is not None:
            return facts
        return msgspec.structs.replace(facts, window=self._window(provider, model))
