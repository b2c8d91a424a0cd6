"""The parts of a LiteLLM config that are read, all of them."""

from typing import ClassVar

from .model_list import Credential, Entry, Info, Params
from .settings import General, ProviderBudget, Router, Settings, Team
from .values import OfLitellm


class File(OfLitellm):
    """The whole file."""

    section: ClassVar[str] = ""

    model_list: object = None
    """`models`; entries of one name are the deployments of one model"""
    litellm_settings: object = None
    """see below"""
    router_settings: object = None
    """see below"""
    general_settings: object = None
    """see below"""
    credential_list: object = None
    """`providers`; each is laid under the deployments that name it"""


#: In the order of the documentation.
SECTIONS: tuple[type[OfLitellm], ...] = (
    File,
    Entry,
    Params,
    Info,
    Credential,
    Router,
    ProviderBudget,
    Settings,
    Team,
    General,
)
