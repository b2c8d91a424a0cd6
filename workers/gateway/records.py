"""What leaves the gateway: replies, usage events and dead letters, as records."""

from typing import Final

from ...schemas import headers as names
from ...schemas.failures import Failure
from ...schemas.proof import without_proof
from ...schemas.record import Headers, Record
from ...schemas.reply import Status
from ...schemas.request import Rejected, Request
from ...schemas.topics import Topics

_JSON: Final = b"application/json"


def reply_record(asked: Request | Rejected, value: bytes, status: Status) -> Record:
    """Make the record that answers `asked` with an encoded reply: under its key, with its correlation, to its topic."""
    headers: Headers = (
        (names.CONTENT_TYPE, _JSON),
        (names.REQUEST_ID, asked.id.encode()),
        (names.STATUS, status.encode()),
        *asked.echo,
    )
    if not any(name == names.CORRELATION_ID for name, _ in asked.echo):
        headers = (*headers, (names.CORRELATION_ID, asked.id.encode()))
    if asked.batch is not None:
        headers = (*headers, (names.BATCH, asked.batch.encode()))
    if asked.shadow_of is not None:
        headers = (*headers, (names.SHADOW_OF, asked.shadow_of.encode()))
    return Record(asked.reply_to, value, asked.reply_key, headers)


def usage_record(event: bytes, topics: Topics) -> Record:
    """Make the record of one encoded usage event."""
    return Record(topics.usage, event)


def dead_letter(record: Record, place: str, why: Failure, topics: Topics) -> Record:
    """Keep a record that nobody can answer as it came, without its proof, with the cause and the place beside it."""
    headers = (*without_proof(record.headers), (names.CAUSE, why.code.encode()), (names.ORIGIN, place.encode()))
    return Record(topics.dead_letters, record.value, record.key, headers)
