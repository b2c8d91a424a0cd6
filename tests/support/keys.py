"""Virtual keys for tests: configs, proofs, and signatures made as docs/keys.md tells it, by nothing of Headgate's."""

import base64
import hashlib
import json

from nacl.signing import SigningKey

from headgate.schemas.config import Config
from headgate.schemas.reading import read_request
from headgate.schemas.record import Record
from headgate.schemas.request import Arrival, Defaults
from headgate.schemas.topics import Lane

#: When requests arrive, unix milliseconds.
NOW_MS = 1_800_000_000_000
BODY = {"model": "small", "messages": [{"role": "user", "content": "Hi"}]}
SECRET = "hg-0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
OTHER_SECRET = "hg-GFEDCBAzyxwvutsrqponmlkjihgfedcba9876543210"


def pair(number: int) -> SigningKey:
    """A key pair, always the same."""
    return SigningKey(bytes([number]) * 32)


def public(key: SigningKey) -> str:
    return f"ed25519:{base64.b64encode(bytes(key.verify_key)).decode()}"


PAIR, OTHER_PAIR = pair(1), pair(2)
PUBLIC_KEY, OTHER_PUBLIC_KEY = public(PAIR), public(OTHER_PAIR)


def hashed(secret: str) -> dict[str, str]:
    return {"sha256": hashlib.sha256(secret.encode()).hexdigest()}


def config(*keys, **parts) -> Config:
    return Config(keys=list(keys), **parts)


def record(*, headers=(), topic="headgate.requests.standard", body=BODY, **fields) -> Record:
    """A request record, by default of the key `rag` and with an id."""
    fields = {"id": "r-1", "key": "rag", **fields}
    said = {name: value for name, value in fields.items() if value is not None}
    return Record(topic, json.dumps({**said, "body": body}).encode(), None, tuple(headers))


def read(record, *, at_ms=NOW_MS, lane=Lane.STANDARD):
    return read_request(record, Arrival(f"{record.topic}/0/0", lane, at_ms), Defaults())


def netstrings(*fields: bytes) -> bytes:
    return b"".join(str(len(field)).encode() + b":" + field + b"," for field in fields)


def signature_headers(value, key=PAIR, *, signed_at=None, said=("rag", "r-1", "headgate.replies.default", "", "")):
    """The headers of a signature over what `said` says: key, id, reply topic, batch, deadline."""
    signed_at = str(NOW_MS // 1000) if signed_at is None else signed_at
    name, id_, reply_to, batch, deadline = (each.encode() for each in said)
    digest = hashlib.sha256(value).hexdigest().encode()
    fields = netstrings(name, id_, signed_at.encode(), reply_to, batch, deadline, digest)
    signature = key.sign(b"headgate-signature-v1\n" + fields).signature
    return (
        ("headgate-signed-at", signed_at.encode()),
        ("headgate-signature", b"ed25519=" + base64.b64encode(signature)),
    )
