"""What a record brings along to prove that it comes from its key. It goes no further than where it is checked.

It stands in headers, and nowhere else: a value is kept as it is in dead letters and stores, and read by whoever looks
for a mistake in them.
"""

import binascii
import datetime as dt
import re
from typing import Final, NoReturn, final

from . import headers as names
from .record import Headers

_LONGEST: Final = 512
_BEARER: Final = b"bearer "
_ED25519: Final = b"ed25519="
_SIGNATURE_BYTES: Final = 64
_SECONDS: Final = re.compile(rb"\d{1,11}(\.\d{1,9})?")


@final
class Proof:
    """A bearer secret, or a signature and its time, or both, or neither; as they came, and not yet believed.

    It does not show itself, and cannot be written, copied to another process, or compared in a way that takes its time.
    """

    __slots__ = ("secret", "signature", "signed_at")

    def __init__(self, secret: bytes | None = None, signature: bytes | None = None, signed_at: bytes = b"") -> None:
        #: At most 512 bytes.
        self.secret: Final = secret
        #: 64 bytes.
        self.signature: Final = signature
        #: As it is written, because as such it is signed.
        self.signed_at: Final = signed_at

    def __repr__(self) -> str:
        return f"<Proof {self.kind}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("expected a proof to stay where it was read, got an attempt to copy it")

    @property
    def kind(self) -> str:
        """What it is, in words."""
        if self.signature is not None:
            return "a signature" if self.secret is None else "a signature and a bearer secret"
        return "none" if self.secret is None else "a bearer secret"

    @property
    def signed_ms(self) -> int | None:
        """When it says that it was signed, unix milliseconds; None if that is no time."""
        if _SECONDS.fullmatch(self.signed_at):
            return round(float(self.signed_at) * 1000)
        try:
            moment = dt.datetime.fromisoformat(self.signed_at.decode("ascii"))
        except ValueError:
            return None
        return None if moment.tzinfo is None else round(moment.timestamp() * 1000)


def read_proof(headers: Headers) -> Proof:
    """Find the proof among a record's headers; the first of each name counts. What cannot be one is none."""
    found: dict[str, bytes] = {}
    for name, value in headers:
        lower = name.lower()
        if lower in names.PROOF and value and len(value) <= _LONGEST:
            found.setdefault(lower, value)
    if not found:
        return _NONE
    secret = found.get(names.SECRET) or _bearer(found.get(names.AUTHORIZATION, b""))
    return Proof(secret, _signature(found.get(names.SIGNATURE, b"")), found.get(names.SIGNED_AT, b""))


_NONE: Final = Proof()


def without_proof(headers: Headers) -> Headers:
    """Return the headers that may be passed on."""
    return tuple(pair for pair in headers if pair[0].lower() not in names.PROOF)


def _bearer(value: bytes) -> bytes | None:
    return value[len(_BEARER) :].strip() or None if value[: len(_BEARER)].lower() == _BEARER else None


def _signature(value: bytes) -> bytes | None:
    if not value.startswith(_ED25519):
        return None
    try:
        signature = binascii.a2b_base64(value[len(_ED25519) :], strict_mode=True)
    except binascii.Error:
        return None
    return signature if len(signature) == _SIGNATURE_BYTES else None
