"""Proofs for records: by whoever sends them, right before they are sent."""

import base64
import time
from collections.abc import Callable
from typing import Final

import msgspec

from ..schemas import headers as names
from ..schemas.proof import without_proof
from ..schemas.reading import read_request
from ..schemas.record import Headers, Record
from ..schemas.request import Arrival, Defaults, Rejected, Request, Unreadable
from ..schemas.signed_text import signed_text
from ..schemas.topics import Lane, Topics
from .private_key import PrivateKey

#: Adds a proof to a record.
Prove = Callable[[Record], Record]

#: What a record does not say stays empty, and is seen to be missing.
_NOWHERE: Final = Arrival("", Lane.STANDARD, 0)
_NOTHING: Final = Defaults(reply_to="", key="")


class UnprovableError(ValueError):
    """The record cannot be given a proof; the message says why, and what to do."""


class AnotherKeyError(UnprovableError):
    """The record names another key."""


class Signer:
    """Signs records in the name of a key. What a signature covers, and for how long: docs/keys.md."""

    def __init__(
        self,
        key: str,
        private_key: PrivateKey,
        *,
        reply_to: str = Topics().replies(),
        now: Callable[[], float] = time.time,
    ) -> None:
        """Take the key's id. Answers to records that name no reply topic go to `reply_to`; `now` is unix seconds."""
        self._key: Final = key
        self._private_key: Final = private_key
        self._reply_to: Final = reply_to
        self._now: Final = now

    def __repr__(self) -> str:
        return f"<Signer {self._key}>"

    def sign(self, record: Record) -> Record:
        """Return the record with its signature, in place of any proof that it had; send it at once.

        It must have an id, in its value or in `headgate-request-id`: else every copy of it would be another request.
        Raises `UnprovableError`.
        """
        asked, said = _addressed(record, self._key)
        if not asked.reply_to:
            asked = msgspec.structs.replace(asked, reply_to=self._reply_to)
            said = ((names.REPLY_TO, self._reply_to.encode()), *said)
        if not asked.id:
            expected = f"an id in the value, or in the header {names.REQUEST_ID}"
            raise UnprovableError(f"expected {expected}, got none; a signature is for one request")
        signed_at = b"%d" % self._now()
        text = signed_text(asked, record, signed_at)
        signature = b"ed25519=" + base64.b64encode(self._private_key.sign(text))
        return _with(record, (*said, (names.SIGNED_AT, signed_at), (names.SIGNATURE, signature)))


class Bearer:
    """Sends a secret along. Whoever reads the topic can read it, and then use it: sign instead where you can."""

    def __init__(self, key: str, secret: str) -> None:
        self._key: Final = key
        self._secret: Final = secret.encode()

    def __repr__(self) -> str:
        return f"<Bearer {self._key}>"

    def attach(self, record: Record) -> Record:
        """Return the record with the secret, in place of any proof that it had. Raises `UnprovableError`."""
        _, said = _addressed(record, self._key)
        return _with(record, (*said, (names.SECRET, self._secret)))


def own_only(prove: Prove) -> Prove:
    """Leave records that name another key as they are: lines of a batch may, and their proof is not ours to give."""

    def prove_own(record: Record) -> Record:
        try:
            return prove(record)
        except AnotherKeyError:
            return record

    return prove_own


def _addressed(record: Record, key: str) -> tuple[Request | Rejected, Headers]:
    """Read a record in the name of `key`, and return what must be said beside it so that a gateway reads the same."""
    asked = read_request(record, _NOWHERE, _NOTHING)
    if isinstance(asked, Unreadable):
        raise UnprovableError(f"expected a request, got: {asked.failure.message} {asked.failure.given}")
    if not asked.key:
        return msgspec.structs.replace(asked, key=key), ((names.KEY, key.encode()),)
    if asked.key != key:
        raise AnotherKeyError(f"expected a record of {key}, got one of {asked.key}; use that key's own proof")
    return asked, ()


def _with(record: Record, said: Headers) -> Record:
    """Put headers in front: the first of a name counts."""
    return msgspec.structs.replace(record, headers=(*said, *without_proof(record.headers)))
