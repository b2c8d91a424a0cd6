"""The deployments of one model: ids, weights, orders and tags, which depend on each other."""

from collections.abc import Collection, Sequence
from itertools import groupby

from ..document import Notes
from .deployment import Deployed


def weights(group: Sequence[Deployed], notes: Notes) -> list[float]:
    """Return each one's weight: LiteLLM goes by the first of those that have the same order, and takes 0 for absent."""
    found: dict[int, float] = {}
    numbered = sorted(enumerate(group), key=lambda item: (_level(item[1]), item[0]))
    for _, level in groupby(numbered, key=lambda item: _level(item[1])):
        ones = list(level)
        name = next((name for name in ("weight", "rpm", "tpm") if getattr(ones[0][1].params, name) is not None), None)
        for nr, one in ones:
            found[nr] = 1.0 if name is None else _weight(getattr(one.params, name))
    if not any(found.values()):
        notes.add(
            (*group[0].place, "litellm_params", "weight"), "No weight is above 0, so that all of them count as 1."
        )
        return [1.0] * len(group)
    return [found[nr] for nr in range(len(group))]


def _level(one: Deployed) -> tuple[bool, int]:
    return one.order is None, one.order or 0


def _weight(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 1.0 if isinstance(value, str) else 0.0


def orders(group: Sequence[Deployed]) -> list[int | None]:
    """Return each one's order; who has none comes after all who have one."""
    said = [one.order for one in group]
    highest = max((order for order in said if order is not None), default=None)
    return said if highest is None else [highest + 1 if order is None else order for order in said]


def tags(group: Sequence[Deployed], notes: Notes, *, filtered: bool) -> list[list[str]]:
    """Return each one's tags, such that a request without tags goes where it goes with LiteLLM."""
    said = [list(dict.fromkeys(one.params.tags or ())) for one in group]
    if not any(said):
        return said
    if not filtered:
        for one in group:
            if one.params.tags:
                notes.add((*one.place, "litellm_params", "tags"), UNFILTERED)
        return [[] for _ in group]
    has_default = any("default" in each for each in said)
    return said if has_default else [[*each, "default"] for each in said]


UNFILTERED = "They do nothing without enable_tag_filtering, so they are left out: with Headgate they would be in force."


def ids(name: str, group: Sequence[Deployed], taken: Collection[str]) -> list[str]:
    """Return each one's id: its own, where nobody else in the file has it, else the model's name with a number."""
    found: list[str] = []
    for nr, one in enumerate(group, start=1):
        wanted = one.info.id or f"{name}-{nr}"
        more = (f"{wanted}-{extra}" for extra in range(2, len(taken) + len(found) + 3))
        found.append(next(each for each in (wanted, *more) if each not in taken and each not in found))
    return found
