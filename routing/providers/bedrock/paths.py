"""Where Converse is served."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ....schemas.request import Endpoint

PATHS: Final[Mapping[Endpoint, str]] = MappingProxyType({Endpoint.CHAT: "/model/{model}/converse"})
