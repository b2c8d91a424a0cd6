"""What every part of the config file has in common."""

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, model_validator

from .config_values import without_password
from .plain import is_mapping


class Part(BaseModel):
    """Frozen, no unknown names, no password shown."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        allow_inf_nan=False,
        validate_default=False,
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: object) -> object:
        """Read a heading whose lines are all commented out as if it were not there."""
        if not is_mapping(data):
            return data
        return {name: value for name, value in data.items() if value is not None or name not in cls.model_fields}

    def __repr_args__(self) -> Iterator[tuple[str | None, object]]:
        """Show no password, wherever it stands: a config ends up in logs and tracebacks."""
        for name, value in super().__repr_args__():
            yield name, without_password(value) if isinstance(value, str) else value

    __str__ = BaseModel.__repr__
