"""The settings of a command, or the end of it."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import click

from ..settings import ConfigErrors, Settings, load_settings
from .options import BadUsage


def settings_of(file: Path | None, overrides: Mapping[str, object] = MappingProxyType({})) -> Settings:
    """Load the settings, tell their warnings; raises `BadUsage` with everything that is wrong."""
    settings = load_settings(file, overrides=overrides)
    if isinstance(settings, ConfigErrors):
        raise BadUsage(f"the config is wrong\n{settings}")
    for warning in settings.warnings:
        click.echo(f"Warning: {warning}", err=True)
    return settings
