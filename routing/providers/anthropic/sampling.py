"""What a Claude model takes of `temperature`, `top_p` and `top_k`."""

from typing import NamedTuple

from ..chat import ChatBody
from ..unmet import Unmet, asks
from .models import Claude
from .wire import UNSET, Unset


class Sampling(NamedTuple):
    """What is said of it in the body."""

    temperature: float | Unset = UNSET
    top_p: float | Unset = UNSET
    top_k: int | Unset = UNSET


def sampling(chat: ChatBody, model: Claude, unmet: Unmet, *, thinks: bool) -> Sampling:
    """Say how an answer is sampled: the newest models have no say in it, and thinking fixes it."""
    if not model.sampling:
        for name in ("temperature", "top_p", "top_k"):
            if asks(name, getattr(chat, name)):
                unmet.cannot(name)
        return Sampling()
    temperature = unmet.within("temperature", chat.temperature, 1 if thinks else 0, 1)
    top_p = unmet.within("top_p", chat.top_p, 0.95 if thinks else 0, 1)
    top_k = chat.top_k
    if temperature is not None and top_p is not None and not model.both_samplings:
        unmet.cannot("top_p", "either it or temperature")
        top_p = None
    if thinks and top_k is not None:
        unmet.cannot("top_k", "it without thinking")
        top_k = None
    return Sampling(
        UNSET if temperature is None else temperature,
        UNSET if top_p is None else top_p,
        UNSET if top_k is None else top_k,
    )
