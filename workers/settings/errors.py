"""What is wrong with a config, as values: where it stands, what was expected, what was given, what to do."""

from dataclasses import dataclass

#: Steps from the top of the file to a value.
Place = tuple[str | int, ...]


def dotted(place: Place) -> str:
    """Spell a place as logs, errors and overrides do.

    >>> dotted(("models", 0, "deployments", 1, "weight"))
    'models.0.deployments.1.weight'
    """
    return ".".join(map(str, place))


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a text, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class ConfigError:
    """One thing that is wrong. It never holds the value of a secret, nor of an environment variable."""

    #: The config file, or `command line`.
    source: str
    #: None where there is no text to point into.
    position: Position | None
    #: Dotted; empty for the file as a whole.
    path: str
    expected: str
    given: str
    hint: str | None = None

    def __str__(self) -> str:
        """Spell it as compilers do, so that editors can jump to it."""
        where = self.source if self.position is None else f"{self.source}:{self.position.line}:{self.position.column}"
        what = f"{self.path}: " if self.path else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{where}: {what}expected {self.expected}, got {self.given}{hint}"


@dataclass(frozen=True, slots=True)
class ConfigErrors:
    """Everything that is wrong with a config, in the order of the file. Never empty."""

    errors: tuple[ConfigError, ...]

    def __str__(self) -> str:
        """Spell one error per line."""
        return "\n".join(map(str, self.errors))


@dataclass(frozen=True, slots=True)
class ConfigWarning:
    """Something that works and should not stay so."""

    source: str
    position: Position | None
    path: str
    message: str

    def __str__(self) -> str:
        """Spell it as an error is spelt."""
        where = self.source if self.position is None else f"{self.source}:{self.position.line}:{self.position.column}"
        return f"{where}: {self.path}: {self.message}"
