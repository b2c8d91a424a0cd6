"""Load the config once: file, then environment, then command line. Nothing else reads the environment."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel, SecretStr, ValidationError

from ...schemas.config import Config
from ...schemas.config_values import password_of
from ...schemas.plain import is_list, is_mapping
from .ambient import with_environment
from .errors import ConfigError, ConfigErrors, ConfigWarning, Position, dotted
from .explain import Source, explain
from .references import A_VARIABLE, Resolved, covering, resolve, with_overrides
from .shape import is_secret
from .tree import Tree, places, read_tree

#: Names the config file where no `--config` does.
VARIABLE: Final = "HEADGATE_CONFIG"
#: Is read from the working directory where nothing names a file.
FILE: Final = "headgate.yaml"

#: What stands in for a variable that is not set.
_ANYTHING: Final = "not-set-here"
_LARGEST: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Settings:
    """What the processes run by."""

    config: Config
    #: Where it was read from; None: the defaults.
    file: Path | None
    warnings: tuple[ConfigWarning, ...]

    def secrets(self) -> frozenset[str]:
        """Return every secret of the config in the clear, for those who must keep them out of sight."""
        return frozenset(_secrets(self.config)) - {""}


def load_settings(
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] = MappingProxyType({}),
    directory: Path = Path(),
) -> Settings | ConfigErrors:
    """Load and check a config without starting anything.

    The file is `path`, or what HEADGATE_CONFIG names, or `headgate.yaml` in `directory` if it is there; without any,
    the defaults. `environ` is the process's unless given. `overrides` are dotted (`operations.worker_port` → 0) and
    win; `None` overrides nothing.
    """
    environ = os.environ if environ is None else environ
    return _loaded(_file(path, environ, directory), environ, overrides)


def _loaded(
    file: Path | None, environ: Mapping[str, str], overrides: Mapping[str, object], stand_in: str | None = None
) -> Settings | ConfigErrors:
    if file is None:
        return _settled(None, Tree(), [], environ, overrides)
    text = _read(file)
    if isinstance(text, ConfigError):
        return ConfigErrors((text,))
    tree, errors = read_tree(text, str(file))
    return _settled(file, tree, errors, environ, overrides, stand_in)


def load_to_look(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings | ConfigErrors:
    """Load a config for a command that calls nobody: whoever has no secrets may look all the same.

    Variables that are not set are taken as if they were: those of the catalogue, for providers that the config only
    names, and, if it does not load otherwise, those that it refers to. Errors are the first ones.
    """
    return _forgiving(path, environ, MappingProxyType({}), lambda _: True)


def load_without(
    sections: frozenset[str],
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] = MappingProxyType({}),
) -> Settings | ConfigErrors:
    """Load a config for a process that has no use for these top-level `sections`, and so not for their secrets.

    Variables that only they name need not be set; whatever else is wrong is told, in these sections too.
    """
    return _forgiving(path, environ, overrides, lambda section: section in sections)


def _forgiving(
    path: Path | None,
    environ: Mapping[str, str] | None,
    overrides: Mapping[str, object],
    may_lack: Callable[[str], bool],
) -> Settings | ConfigErrors:
    environ = os.environ if environ is None else environ
    file = _file(path, environ, Path())
    stand_in = _ANYTHING if may_lack("providers") else None
    settings = _loaded(file, environ, overrides, stand_in)
    if isinstance(settings, Settings):
        return settings
    missing = {may: set[str]() for may in (True, False)}
    for each in settings.errors:
        if each.expected.startswith(A_VARIABLE):
            missing[may_lack(each.path.partition(".")[0])].add(each.expected.removeprefix(A_VARIABLE))
    lent = dict.fromkeys(missing[True] - missing[False], _ANYTHING)
    as_if = _loaded(file, {**environ, **lent}, overrides, stand_in)
    return as_if if isinstance(as_if, Settings) else settings


def settings_of_text(text: str, source: str, environ: Mapping[str, str]) -> Settings | ConfigErrors:
    """Check the text of a config as if it stood in a file; `source` is what errors call it."""
    tree, errors = read_tree(text, source)
    return _settled(Path(source), tree, errors, environ, MappingProxyType({}))


def _file(path: Path | None, environ: Mapping[str, str], directory: Path) -> Path | None:
    if path is not None:
        return path
    named = environ.get(VARIABLE)
    if named:
        return directory / named
    here = directory / FILE
    return here if here.is_file() else None


def _read(file: Path) -> str | ConfigError:
    try:
        raw = file.read_bytes()
    except OSError as error:
        return ConfigError(str(file), None, "", "a file that can be read", error.strerror or str(error))
    if len(raw) > _LARGEST:
        return ConfigError(str(file), None, "", f"at most {_LARGEST} bytes", f"{len(raw)} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        return ConfigError(str(file), Position(line, column), "", "UTF-8", error.reason)


def _settled(
    file: Path | None,
    tree: Tree,
    errors: list[ConfigError],
    environ: Mapping[str, str],
    overrides: Mapping[str, object],
    stand_in: str | None = None,
) -> Settings | ConfigErrors:
    resolved = with_environment(resolve(tree.data, environ), environ, stand_in)
    data, placed = with_overrides(resolved.data, overrides)
    source = Source("defaults" if file is None else str(file), tree, resolved.references, placed)
    errors = errors + _missing(resolved, source)
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        told = {each.path for each in errors}
        errors += [each for each in explain(error, Config, source) if each.path not in told]
    else:
        if not errors:
            return Settings(config, file, tuple(_literal_secrets(source)))
    return ConfigErrors(tuple(sorted(errors, key=_in_file_order)))


def _missing(resolved: Resolved, source: Source) -> list[ConfigError]:
    return [
        ConfigError(source.name, source.tree.position(each.place), dotted(each.place), each.expected, each.given)
        for each in resolved.missing
        if covering(source.overrides, each.place) is None
    ]


def _in_file_order(error: ConfigError) -> tuple[int, int]:
    return (0, 0) if error.position is None else (error.position.line, error.position.column)


def _literal_secrets(source: Source) -> Iterator[ConfigWarning]:
    for place, value in places(source.tree.data):
        if isinstance(value, str) and place not in source.references and is_secret(Config, place):
            advice = "the secret stands in the file; use os.environ/NAME or ${NAME}"
            yield ConfigWarning(source.name, source.tree.position(place), dotted(place), advice)


def _secrets(value: object) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, str):
        yield password_of(value) or ""
    for inner in _children(value):
        yield from _secrets(inner)


def _children(value: object) -> Iterable[object]:
    if isinstance(value, BaseModel):
        return [inner for _, inner in value]
    if is_mapping(value):
        return value.values()
    return value if is_list(value) else ()
