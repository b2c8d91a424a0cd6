"""The settings of a command, or the end of it."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import click

from ..settings import ConfigErrors, Settings, load_settings, load_to_look, load_without
from .options import BadUsage


def settings_of(file: Path | None, overrides: Mapping[str, object] = MappingProxyType({})) -> Settings:
    """Load the settings, tell their warnings; raises `BadUsage` with everything that is wrong."""
    return _told(load_settings(file, overrides=overrides))


def settings_to_look(file: Path | None) -> Settings:
    """Do the same for a command that calls nobody, and so needs no secrets."""
    return _told(load_to_look(file))


def settings_without(
    sections: frozenset[str], file: Path | None, overrides: Mapping[str, object] = MappingProxyType({})
) -> Settings:
    """Do the same for a process that has no use for these sections of the config, nor for their secrets."""
    return _told(load_without(sections, file, overrides=overrides))


def _told(settings: Settings | ConfigErrors) -> Settings:
    if isinstance(settings, ConfigErrors):
        raise BadUsage(f"the config is wrong\n{settings}")
    for warning in settings.warnings:
        click.echo(f"Warning: {warning}", err=True)
    return settings
