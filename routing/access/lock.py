"""What opens a key: the hashes of its secrets, its public keys, or nothing at all.

A wrong proof takes the same steps whether the key exists or not, and whatever it has: where there is no hash and no
public key, those of nobody are compared with. So how long a refusal takes does not tell which keys there are.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ...schemas.config import Config
from ...schemas.config_access import Key
from .ed25519 import Verify, verifier

#: No secret is known that has this hash.
_NOBODYS_HASH: Final = bytes(32)
#: A point of the curve that a hash function chose, so that nobody has its private key.
NOBODYS_PUBLIC_KEY: Final = "ed25519:" + base64.b64encode(hashlib.sha256(b"nobody's key 14").digest()).decode()


@dataclass(frozen=True, slots=True)
class Lock:
    """Opens to proofs. Which kinds are accepted at all has been decided before it was made."""

    hashes: Sequence[bytes]
    verifiers: Sequence[Verify]
    #: No proof is needed.
    trusted: bool = False

    def opens_to_secret(self, secret: bytes) -> bool:
        """Say whether this is one of its secrets, comparing all of them."""
        given = hashlib.sha256(secret).digest()
        return sum(hmac.compare_digest(given, known) for known in self.hashes) > 0

    def opens_to_signature(self, signature: bytes, text: bytes) -> bool:
        """Say whether one of its keys signed `text`."""
        return any(verify(signature, text) for verify in self.verifiers)


class Locksmith:
    """Makes the locks of one config."""

    def __init__(self, config: Config) -> None:
        self._accept: Final = frozenset(config.authentication.accept)
        signing = "signature" in self._accept and any("signature" in key.proofs for key in config.keys)
        self._nobodys_verifiers: Final = [verifier(NOBODYS_PUBLIC_KEY)] if signing else []

    def lock(self, key: Key) -> Lock:
        """Return a key's lock."""
        hashes = [bytes.fromhex(each.sha256) for each in (key.secret, *key.former) if each is not None]
        public_keys = [each for each in (key.public_key, *key.former_public_keys) if each is not None]
        return self._lock(hashes, public_keys, trusted=bool(key.proofs & self._accept & {"trusted"}))

    @property
    def nobodys(self) -> Lock:
        """The lock of keys that do not exist."""
        return self._lock([], [], trusted=False)

    def _lock(self, hashes: list[bytes], public_keys: Iterable[str], *, trusted: bool) -> Lock:
        if "bearer" not in self._accept:
            hashes = []
        verifiers = [verifier(key) for key in public_keys] if "signature" in self._accept else []
        return Lock(hashes or [_NOBODYS_HASH], verifiers or self._nobodys_verifiers, trusted)
