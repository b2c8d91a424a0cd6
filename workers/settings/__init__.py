"""The settings of a process: the config file, the environment (read here and nowhere else), the command line."""

from .errors import ConfigError, ConfigErrors, ConfigWarning, Position
from .load import FILE, VARIABLE, Settings, load_settings, load_to_look, load_without, settings_of_text

__all__ = [
    "FILE",
    "VARIABLE",
    "ConfigError",
    "ConfigErrors",
    "ConfigWarning",
    "Position",
    "Settings",
    "load_settings",
    "load_to_look",
    "load_without",
    "settings_of_text",
]
