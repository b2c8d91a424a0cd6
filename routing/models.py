"""What is known of models beside their price: how much they read, and what they cannot do."""

from typing import Final, Protocol

import msgspec

from ..schemas.config_routes import Capability


class ModelFacts(msgspec.Struct, frozen=True):
    """What is known of one model; what is not known is not held against it."""

    #: The context window, tokens.
    window: int | None = None
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
