"""The part of the config that says when a deployment is left alone because it fails."""

from typing import Self

from pydantic import Field, model_validator

from .config_part import Part
from .config_values import Seconds, wrong


class Breaker(Part):
    """When a deployment is left alone because it fails, and for how long."""

    failure_ratio: float = Field(default=0.5, gt=0, le=1)
    """The share of failed calls in the window that opens the circuit."""
    minimum: int = Field(default=20, ge=1)
    """Calls in the window, of all workers, below which the share says nothing."""
    window: Seconds = 30.0
    """How far back calls count."""
    cooldown: Seconds = 15.0
    """How long nothing is sent at first; it doubles with each probe that fails, with jitter."""
    max_cooldown: Seconds = 300.0
    """The longest that it grows to."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max_cooldown < self.cooldown:
            raise wrong(f"a max_cooldown of at least cooldown, {self.cooldown:g} s", f"{self.max_cooldown:g} s")
        return self
