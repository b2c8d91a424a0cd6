"""What the end of a call says of the health of its deployment, and of the credential that it was made with."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import msgspec

from ...schemas.failures import Code
from ..outcome import Completion, Setback
from .breaker import Sign


class Blame(enum.Enum):
    """Whose fault a failure is."""

    DEPLOYMENT = enum.auto()
    CREDENTIAL = enum.auto()
    #: The rate at which calls were made: limits and brakes see to that.
    RATE = enum.auto()
    #: The request's, ours, or nobody's.
    OTHER = enum.auto()


#: Every code that an attempt may end with; a test holds this table to the catalogue of failures.
BLAMES: Final[Mapping[Code, Blame]] = MappingProxyType(
    {
        Code.OVERLOADED: Blame.DEPLOYMENT,
        Code.PROVIDER_ERROR: Blame.DEPLOYMENT,
        Code.TIMEOUT: Blame.DEPLOYMENT,
        Code.UPSTREAM_TIMEOUT: Blame.DEPLOYMENT,
        Code.CAPACITY: Blame.DEPLOYMENT,
        Code.MODEL_ERROR: Blame.DEPLOYMENT,
        Code.CONNECTION_FAILED: Blame.DEPLOYMENT,
        Code.CONNECTION_CUT: Blame.DEPLOYMENT,
        Code.MALFORMED_RESPONSE: Blame.DEPLOYMENT,
        Code.UPSTREAM_NOT_FOUND: Blame.DEPLOYMENT,
        Code.AUTHENTICATION: Blame.CREDENTIAL,
        Code.PERMISSION: Blame.CREDENTIAL,
        Code.QUOTA_EXHAUSTED: Blame.CREDENTIAL,
        Code.RATE_LIMITED: Blame.RATE,
        Code.BAD_REQUEST: Blame.OTHER,
        Code.CONTEXT_LENGTH: Blame.OTHER,
        Code.CONTENT_POLICY: Blame.OTHER,
        Code.UNSUPPORTED_PARAMETER: Blame.OTHER,
        Code.UNSUPPORTED_ENDPOINT: Blame.OTHER,
        Code.INTERRUPTED: Blame.OTHER,
        Code.HEDGED: Blame.OTHER,
        Code.NO_DEPLOYMENT: Blame.OTHER,
        Code.UPSTREAM_TOO_LARGE: Blame.OTHER,
        Code.INTERNAL: Blame.OTHER,
    }
)

#: Seconds. A provider that asks for less wants this call to wait, and the worker's own brake does: were the whole
#: fleet to stop for each refusal, it would stand still most of the time.
SHORT_PAUSE: Final = 5.0
#: Seconds. What asks for a longer pause is asked again.
LONGEST_PAUSE: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What is to be told of one circuit."""

    sign: Sign
    #: Seconds for which the provider asks to be left alone by all; 0: it does not.
    pause: float = 0.0


NOTHING: Final = Finding(Sign.NONE)
WELL: Final = Finding(Sign.WELL)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the end of a call says."""

    deployment: Finding
    credential: Finding


_ANSWERED: Final = Evidence(WELL, WELL)
_SILENT: Final = Evidence(NOTHING, NOTHING)


class CallEnd(msgspec.Struct, frozen=True):
    """How a call ended, as circuits hear of it."""

    #: What nothing else is ever called: the id of the attempt's usage event.
    call: str
    #: Unix microseconds.
    began_us: int
    result: Completion | Setback
    #: It had less time than its deployment's timeout.
    cut_short: bool = False
    #: Nobody else can be asked what it was asked.
    alone: bool = False


def evidence_of(result: Completion | Setback, *, cut_short: bool = False) -> Evidence:
    """Judge how a call ended.

    `cut_short`: it had less than its deployment's timeout, because its request's deadline was near. That it took longer
    is then no fault of the deployment's: else whoever sends requests with short deadlines could close it for all.
    """
    if isinstance(result, Completion):
        return _ANSWERED
    code = result.failure.code
    if cut_short and code is Code.TIMEOUT:
        return _SILENT
    match BLAMES.get(code, Blame.OTHER):
        case Blame.DEPLOYMENT:
            return Evidence(Finding(Sign.ILL, _pause(result)), NOTHING)
        case Blame.CREDENTIAL:
            return Evidence(NOTHING, Finding(Sign.ILL, _pause(result)))
        case Blame.RATE:
            return Evidence(Finding(Sign.NONE, _pause(result)), NOTHING)
        case Blame.OTHER:
            return _SILENT


def _pause(setback: Setback) -> float:
    asked = setback.retry_after or 0.0
    return min(asked, LONGEST_PAUSE) if asked >= SHORT_PAUSE else 0.0
