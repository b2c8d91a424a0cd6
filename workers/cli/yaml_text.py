"""Writes plain values as YAML that reads the same in version 1.1 and 1.2."""

import re
from decimal import Decimal
from typing import Final, Protocol

import yaml

_WIDTH: Final = 110
#: Texts that mean themselves in every version; all others are quoted.
_BARE: Final = re.compile(r"[A-Za-z/][A-Za-z0-9_./@-]*")
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_FLOAT: Final = "tag:yaml.org,2002:float"
_INT: Final = "tag:yaml.org,2002:int"
_TEXT: Final = "tag:yaml.org,2002:str"


class _Dumper(yaml.SafeDumper):
    """Every value stands for itself: nothing is written once and referred to."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


class _Writer(Protocol):
    """The part of a dumper whose types PyYAML's stubs leave out."""

    def represent_scalar(self, tag: str, value: str, style: str | None = None) -> yaml.ScalarNode: ...


def _text(dumper: _Writer, value: str) -> yaml.ScalarNode:
    bare = _BARE.fullmatch(value) is not None and value.lower() not in _WORDS
    return dumper.represent_scalar(_TEXT, value, style=None if bare else '"')


def _decimal(dumper: _Writer, value: Decimal) -> yaml.ScalarNode:
    text = f"{value:f}"
    return dumper.represent_scalar(_FLOAT if "." in text else _INT, text)


def _float(dumper: _Writer, value: float) -> yaml.ScalarNode:
    if value.is_integer() and abs(value) < 10**15:
        return dumper.represent_scalar(_INT, str(int(value)))
    return dumper.represent_scalar(_FLOAT, _plain(value))


def _plain(value: float) -> str:
    """Spell it with a point, without which 1e-07 is a text in one version and a number in the other."""
    text = repr(value)
    return text if "." in text or "e" not in text else text.replace("e", ".0e")


_Dumper.add_representer(str, _text)
_Dumper.add_representer(Decimal, _decimal)
_Dumper.add_representer(float, _float)


def as_yaml(value: object) -> str:
    """Return the text."""
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH, default_flow_style=None
    )
    return text
