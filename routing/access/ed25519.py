"""Ed25519 signatures (RFC 8032) by libsodium, imported where a key signs and nowhere else."""

import base64
from collections.abc import Callable
from typing import Final

#: Says whether a signature of 64 bytes holds for a text.
Verify = Callable[[bytes, bytes], bool]

_PREFIX: Final = "ed25519:"


def verifier(public_key: str) -> Verify:
    """Return what checks signatures by `public_key`, spelt as in the config."""
    from nacl.exceptions import BadSignatureError  # noqa: PLC0415 - 30 ms that only signing keys need
    from nacl.signing import VerifyKey  # noqa: PLC0415 - as above

    key = VerifyKey(base64.b64decode(public_key.removeprefix(_PREFIX), validate=True))

    def verify(signature: bytes, text: bytes) -> bool:
        try:
            key.verify(text, signature)
        except BadSignatureError:
            return False
        return True

    return verify
