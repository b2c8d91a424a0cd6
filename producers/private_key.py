"""An Ed25519 private key, and the file it lies in: PKCS #8 in PEM (RFC 8410), as OpenSSL and Java write it too."""

import base64
import binascii
import re
import secrets
from collections.abc import Callable
from typing import Final, NoReturn, Self, final

_PEM: Final = re.compile(r"-----BEGIN PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]+?)\s+-----END PRIVATE KEY-----")
_BYTES: Final = 32
#: RFC 8410, section 7: length and version, the algorithm, the key. Some libraries write the public key behind it.
_DER: Final = re.compile(rb"\x30.\x02\x01[\x00\x01]\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20(.{32})", re.DOTALL)
_BEFORE: Final = bytes.fromhex("302e020100300506032b657004220420")


@final
class PrivateKey:
    """It does not show itself, and cannot be copied to another process by accident."""

    __slots__ = ("_key",)

    def __init__(self, raw: bytes) -> None:
        if len(raw) != _BYTES:
            raise ValueError(f"expected the {_BYTES} bytes of an Ed25519 private key, got {len(raw)}")
        from nacl.signing import SigningKey  # noqa: PLC0415 - 30 ms that most producers need not wait

        self._key: Final = SigningKey(raw)

    def __repr__(self) -> str:
        return f"<PrivateKey of {self.public_key}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("expected a private key to stay where it is, got an attempt to copy it")

    @classmethod
    def generate(cls, random: Callable[[int], bytes] = secrets.token_bytes) -> Self:
        """Make a new one."""
        return cls(random(_BYTES))

    @classmethod
    def from_pem(cls, text: str) -> Self:
        """Read what `pem` wrote, or OpenSSL's `genpkey -algorithm ed25519`; raises ValueError, which quotes nothing."""
        match = _PEM.search(text)
        if match is None:
            raise ValueError("expected a private key in PEM, not encrypted (`BEGIN PRIVATE KEY`), got something else")
        try:
            der = base64.b64decode("".join(match[1].split()), validate=True)
        except binascii.Error as error:
            raise ValueError("expected a private key in Base64, got something else") from error
        key = _DER.match(der)
        if key is None:
            raise ValueError("expected an Ed25519 private key, got one of another kind")
        return cls(key[1])

    def pem(self) -> str:
        """Write it down."""
        text = base64.b64encode(_BEFORE + bytes(self._key)).decode()
        return f"-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n"

    @property
    def public_key(self) -> str:
        """What the gateway's config has as `public_key`."""
        return f"ed25519:{base64.b64encode(bytes(self._key.verify_key)).decode()}"

    def sign(self, text: bytes) -> bytes:
        """Return the 64 bytes of the signature."""
        return self._key.sign(text).signature
