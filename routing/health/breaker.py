"""Circuit breakers: when a deployment, or a credential, is left alone because it fails, and how it is tried again.

    closed ── failures / calls >= ratio, of `minimum` calls at least ──► open, until a time
    open ── the time has come ──► half-open: one call of the whole fleet may go and see, the probe
    half-open ── the probe is answered ──► closed, and the window is forgotten
    half-open ── the probe fails ──► open, for twice as long
    half-open ── the probe is not heard of until its lease ends ──► half-open, for the next probe

Whatever affects a circuit is in this file; `sync.lua` says the same to a fleet, and one suite holds both to each other.
What must hold: `until_us` never goes back; one probe at a time; while a circuit is not closed, only its probe is
believed, because all other calls began before it opened.

Pure: no clock, no chance. Times are microseconds of one clock.
"""

from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Final

#: A window slides by such a share of its length.
_BUCKETS: Final = 10
#: A cooldown is longer by at most this share, by chance: circuits that open together are not probed together.
_SPREAD: Final = 0.1
#: A cooldown has reached its bound long before it has doubled so often.
_MOST_DOUBLINGS: Final = 60
#: A circuit that nobody has probed for so long is as good as new: its deployment may be gone from every config.
FORGOTTEN_US: Final = 86_400_000_000


@dataclass(frozen=True, slots=True)
class BreakerRule:
    """When a circuit opens, and for how long. Microseconds."""

    failure_ratio: float
    minimum: int
    window_us: int
    cooldown_us: int
    max_cooldown_us: int

    @property
    def bucket_us(self) -> int:
        """How long one bucket of the window is."""
        return -(-self.window_us // _BUCKETS)


class Sign(Enum):
    """What a call says of the health of whom it was made to."""

    WELL = auto()
    ILL = auto()
    #: It says nothing: the fault was the request's, or the call was given up.
    NONE = auto()


@dataclass(frozen=True, slots=True)
class Closed:
    """Calls may go."""


@dataclass(frozen=True, slots=True)
class Open:
    """No call may go before a time."""

    until_us: int
    #: A probe is waited for, until that time at the longest: whoever waits may hear of it much sooner.
    probed: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class HalfOpen:
    """One call may go as a probe, if the fleet leaves it to the one who asks."""


State = Closed | Open | HalfOpen
CLOSED: Final = Closed()
HALF_OPEN: Final = HalfOpen()


@dataclass(frozen=True, slots=True)
class Bucket:
    """Calls that ended in one part of the window."""

    #: Time in lengths of a bucket.
    number: int
    well: int
    ill: int


@dataclass(frozen=True, slots=True)
class Circuit:
    """All that is known of the health of one deployment or credential."""

    #: How often it opened in a row; 0: it is closed.
    level: int = 0
    #: Nothing is sent before. While closed it is a pause that the provider has asked for.
    until_us: int = 0
    #: The call that probes; empty: none.
    probe: str = ""
    #: When the probe is not waited for any longer.
    lease_us: int = 0
    #: Oldest first; empty unless closed.
    window: tuple[Bucket, ...] = ()

    @property
    def blocked_us(self) -> int:
        """When the next call may go, as far as is known."""
        return max(self.until_us, self.lease_us)


NEW: Final = Circuit()


def state_of(circuit: Circuit, now_us: int) -> State:
    """Say whether calls may go."""
    if now_us < circuit.blocked_us:
        return Open(circuit.blocked_us)
    return HALF_OPEN if circuit.level else CLOSED


def is_forgettable(circuit: Circuit, now_us: int) -> bool:
    """Say whether nothing is lost with a circuit but its window."""
    if circuit.level == 0:
        return circuit.until_us <= now_us
    return now_us - circuit.blocked_us > FORGOTTEN_US


def counted(circuit: Circuit, rule: BreakerRule, now_us: int, well: int, ill: int, chance: float) -> Circuit:
    """Count calls that ended, none of them a probe; `chance` in [0, 1)."""
    if circuit.level:
        return circuit
    window = _slid(circuit.window, Bucket(now_us // rule.bucket_us, well, ill))
    failures = sum(bucket.ill for bucket in window)
    calls = failures + sum(bucket.well for bucket in window)
    if failures == 0 or calls < rule.minimum or failures / calls < rule.failure_ratio:
        return replace(circuit, window=window)
    return _opened(circuit, rule, now_us, chance)


def _slid(window: tuple[Bucket, ...], new: Bucket) -> tuple[Bucket, ...]:
    """Add to the newest bucket and drop the oldest. A clock that went back a little is taken to stand still."""
    newest = window[-1].number if window else new.number
    if newest - new.number >= _BUCKETS:
        return (new,)  # the clock went back far, or buckets had another length
    number = max(new.number, newest)
    kept = tuple(bucket for bucket in window if bucket.number > number - _BUCKETS)
    if kept and kept[-1].number == number:
        last = kept[-1]
        return (*kept[:-1], Bucket(number, last.well + new.well, last.ill + new.ill))
    return (*kept, Bucket(number, new.well, new.ill))


def _opened(circuit: Circuit, rule: BreakerRule, now_us: int, chance: float) -> Circuit:
    level = circuit.level + 1
    return Circuit(level, max(circuit.until_us, now_us + cooldown_us(rule, level, chance)))


def cooldown_us(rule: BreakerRule, level: int, chance: float) -> int:
    """Return how long a circuit stays open that has opened `level` times in a row; `chance` in [0, 1)."""
    doubled = rule.cooldown_us * 2.0 ** min(level - 1, _MOST_DOUBLINGS)
    return int(min(doubled * (1 + _SPREAD * chance), rule.max_cooldown_us))


def paused(circuit: Circuit, until_us: int) -> Circuit:
    """Leave alone until a time, as the provider asks. A pause of a closed circuit ends without a probe."""
    return replace(circuit, until_us=max(circuit.until_us, until_us))


def leased(circuit: Circuit, now_us: int, call: str, seconds_us: int) -> Circuit | None:
    """Let a call probe, or go on probing, for so long; None: it may not."""
    if circuit.level == 0:
        return None
    if not _is_probe(circuit, call) and now_us < circuit.blocked_us:
        return None
    return replace(circuit, probe=call, lease_us=now_us + seconds_us)


def probed(circuit: Circuit, rule: BreakerRule, now_us: int, call: str, sign: Sign, chance: float) -> Circuit:
    """Hear how a probe ended. One that was given up says nothing, and neither does one that is not waited for."""
    if not _is_probe(circuit, call):
        return circuit
    match sign:
        case Sign.WELL:
            return Circuit(until_us=circuit.until_us)
        case Sign.ILL:
            return _opened(circuit, rule, now_us, chance)
        case Sign.NONE:
            return replace(circuit, probe="", lease_us=0)


def _is_probe(circuit: Circuit, call: str) -> bool:
    return circuit.level > 0 and call != "" and circuit.probe == call
