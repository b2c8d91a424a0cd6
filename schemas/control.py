"""What people say to all workers at once, on the control topic."""

import msgspec

from .record import Record
from .topics import Topics


class Cancel(msgspec.Struct, frozen=True, tag_field="do", tag="cancel", omit_defaults=True):
    """Call for none of these any more: a batch, or one request."""

    #: When it was said, unix milliseconds: what arrives later is not meant.
    at_ms: int
    batch: str | None = None
    request: str | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Cancel)


def control_record(said: Cancel, topics: Topics) -> Record:
    """Make the record that says it; its key is what it is about, so that a compacted topic keeps the last word."""
    about = f"request:{said.request}" if said.batch is None else f"batch:{said.batch}"
    return Record(topics.control, _encoder.encode(said), about.encode())


def read_control(record: Record) -> Cancel | None:
    """Read a record of the control topic; None if it says nothing to us, such as what a newer release says."""
    try:
        return _decoder.decode(record.value or b"")
    except msgspec.DecodeError:
        return None
