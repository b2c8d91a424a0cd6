"""The check at the door: whether a request comes from the key that it names, and whether that key may do this."""

import datetime as dt
from dataclasses import dataclass
from typing import Final, Self

from ...schemas.config import Config
from ...schemas.failures import Code, Failure, failure
from ...schemas.proof import Proof, read_proof
from ...schemas.record import Record
from ...schemas.request import Rejected, Request
from ...schemas.signed_text import signed_text
from ...schemas.topics import Lane
from .lock import Lock, Locksmith
from .reply_topics import ReplyTopics
from .rules import KeyRules, key_rules, unlimited

_KINDS: Final = {"signature": "a signature", "bearer": "a bearer secret"}


@dataclass(frozen=True, slots=True)
class _Entry:
    rules: KeyRules
    lock: Lock


class Keyring:
    """The virtual keys of a config. Without any, every name is an unlimited key that needs no proof."""

    def __init__(self, config: Config) -> None:
        smith = Locksmith(config)
        rules = key_rules(config)
        self._entries: Final = {key.id: _Entry(rules[key.id], smith.lock(key)) for key in config.keys}
        self._nobodys: Final = smith.nobodys
        self._topics: Final = ReplyTopics(config)
        kinds = [_KINDS[kind] for kind in config.authentication.accept if kind in _KINDS]
        self._expected: Final = f"{' or '.join(kinds) or 'a key that needs no proof'} of the key that it names"
        self._max_age_ms: Final = config.authentication.max_age * 1000

    def __repr__(self) -> str:
        return f"<Keyring {len(self._entries)} keys>"

    @classmethod
    def of(cls, config: Config) -> Self:
        """Read a config."""
        return cls(config)

    def check(self, asked: Request | Rejected, record: Record, now_ms: int) -> KeyRules | Failure:
        """Return what the key of a request may, or why the request is not run; `asked` is what was read from `record`.

        `UNKNOWN_REPLY_TOPIC` means that nobody may be answered: it goes to the dead letters. Any other failure is
        answered, on the reply topic.
        """
        if not self._entries:
            return self._allowed(unlimited(asked.key), asked, now_ms)
        entry = self._entries.get(asked.key)
        lock = self._nobodys if entry is None else entry.lock
        proof = read_proof(record.headers)
        proven = lock.trusted or self._opens(lock, proof, asked, record)
        if entry is None or not proven:
            return self._unproven(proof, asked)
        return self._allowed(entry.rules, asked, now_ms)

    def recheck(self, asked: Request | Rejected, now_ms: int) -> KeyRules | Failure:
        """Check again what was admitted once and put aside by a gateway, where nobody else writes: without a proof."""
        if not self._entries:
            return self._allowed(unlimited(asked.key), asked, now_ms)
        entry = self._entries.get(asked.key)
        return self._unproven(read_proof(()), asked) if entry is None else self._allowed(entry.rules, asked, now_ms)

    def admits(self, asked: Request | Rejected, now_ms: int) -> KeyRules | Failure:
        """Check all but the proof and the reply topic: for requests that are looked at and not run."""
        if not self._entries:
            return self._in_force(unlimited(asked.key), asked, now_ms)
        entry = self._entries.get(asked.key)
        if entry is None:
            return failure(Code.UNAUTHENTICATED, expected="a key of the config", given=asked.key)
        return self._in_force(entry.rules, asked, now_ms)

    def lane(self, key: str, asked: Lane) -> Lane:
        """Return the lane that a request of a key counts as of, whether it proves the key or not."""
        entry = self._entries.get(key)
        return asked if entry is None else entry.rules.lane(asked)

    def _opens(self, lock: Lock, proof: Proof, asked: Request | Rejected, record: Record) -> bool:
        if proof.secret is not None and lock.opens_to_secret(proof.secret):
            return True
        if proof.signature is None or not self._is_timely(proof, asked):
            return False
        return lock.opens_to_signature(proof.signature, signed_text(asked, record, proof.signed_at))

    def _is_timely(self, proof: Proof, asked: Request | Rejected) -> bool:
        at_ms = proof.signed_ms
        return at_ms is not None and abs(at_ms - asked.enqueued_ms) <= self._max_age_ms

    def _unproven(self, proof: Proof, asked: Request | Rejected) -> Failure:
        """Say no more than the request itself and the config's general part do: not whether there is such a key."""
        if not self._topics.anybody_may(asked.reply_to):
            expected = "a proof of a key that may use this topic, or a topic that anybody may use"
            return failure(Code.UNKNOWN_REPLY_TOPIC, expected=expected, given=asked.reply_to)
        return failure(Code.UNAUTHENTICATED, expected=self._expected, given=self._in_words(proof, asked))

    def _in_words(self, proof: Proof, asked: Request | Rejected) -> str:
        if proof.secret is None and proof.signature is None:
            return "none"
        if proof.signature is None or self._is_timely(proof, asked):
            return f"{proof.kind} that does not prove it"
        at_ms = proof.signed_ms
        if at_ms is None:
            return "a signature without a time that can be read in headgate-signed-at"
        seconds = (asked.enqueued_ms - at_ms) / 1000
        age = f"{abs(seconds):.0f} s {'before' if seconds > 0 else 'after'} it arrived"
        return f"a signature made {age}, where {self._max_age_ms / 1000:g} s are accepted"

    def _allowed(self, rules: KeyRules, asked: Request | Rejected, now_ms: int) -> KeyRules | Failure:
        if not self._topics.may(rules, asked.reply_to):
            expected = f"a topic that matches {self._topics.told(rules)}"
            return failure(Code.UNKNOWN_REPLY_TOPIC, expected=expected, given=asked.reply_to)
        return self._in_force(rules, asked, now_ms)

    def _in_force(self, rules: KeyRules, asked: Request | Rejected, now_ms: int) -> KeyRules | Failure:
        if rules.expires_ms is not None and max(asked.enqueued_ms, now_ms) >= rules.expires_ms:
            return failure(Code.KEY_EXPIRED, expected="a key that has not expired", given=_since(rules.expires_ms))
        if isinstance(asked, Request) and not rules.models.match(asked.model):
            return failure(Code.FORBIDDEN, expected=f"a model that matches {rules.models}", given=asked.model)
        return rules


def _since(ms: int) -> str:
    return f"one that expired at {dt.datetime.fromtimestamp(ms / 1000, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
