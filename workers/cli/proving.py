"""The proofs of a batch's requests, from the file that the command names; tried before anything is submitted."""

import time
from pathlib import Path

from ...producers.ids import request_id
from ...producers.private_key import PrivateKey
from ...producers.signing import Bearer, Prove, Signer, own_only
from ...producers.terms import Terms
from ...routing.access.keyring import Keyring
from ...schemas import headers as names
from ...schemas.config import Config
from ...schemas.failures import Code, Failure
from ...schemas.reading import read_request
from ...schemas.record import Record
from ...schemas.request import Arrival, Defaults, Unreadable
from .options import BadUsage


def prover(config: Config, terms: Terms, key_file: Path | None) -> Prove:
    """Return what proves the requests of a batch; raises `BadUsage` if a gateway of this config would refuse it."""
    key = terms.key or config.defaults.key
    prove = _unchanged if key_file is None else _prover(key, key_file, terms.reply_to)
    _try(config, terms, key, prove)
    return own_only(prove)


def _unchanged(record: Record) -> Record:
    return record


def _prover(key: str, file: Path, reply_to: str) -> Prove:
    try:
        text = file.read_text(encoding="ascii").strip()
        if "PRIVATE KEY-----" in text:
            return Signer(key, PrivateKey.from_pem(text), reply_to=reply_to).sign
    except OSError as error:
        raise BadUsage(f"expected to read {file}, got: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise BadUsage(f"{file}: expected a private key or a secret, got bytes that are not ASCII") from error
    except ValueError as error:
        raise BadUsage(f"{file}: {error}") from error
    if len(text.split()) != 1:
        raise BadUsage(f"{file}: expected a private key in PEM, or a secret in one line, got neither")
    return Bearer(key, text).attach


def _try(config: Config, terms: Terms, key: str, prove: Prove) -> None:
    """Ask the gateway's own check for one request that is like all of the batch."""
    headers = ((names.REQUEST_ID, request_id(terms.batch, 1).encode()), (names.REPLY_TO, terms.reply_to.encode()))
    probe = prove(Record(terms.topic, b'{"body":{}}', None, headers))
    now_ms = int(time.time() * 1000)
    asked = read_request(probe, Arrival("", terms.lane, now_ms), Defaults(key=key))
    outcome = None if isinstance(asked, Unreadable) else Keyring.of(config).check(asked, probe, now_ms)
    if isinstance(outcome, Failure):
        problem = f"requests of {key} would be refused with {outcome.code}: {outcome.message}"
        raise BadUsage(f"{problem}\nexpected {outcome.expected}, got {outcome.given}", _hint(outcome, config))


def _hint(why: Failure, config: Config) -> str:
    if why.code is Code.UNKNOWN_REPLY_TOPIC:
        return "a batch is answered there: list it under reply_topics of the key, or ask with a key that lists none"
    known = ", ".join(key.id for key in config.keys)
    return f"say --key and, if it needs a proof, --key-file; the keys of the config are {known}"
