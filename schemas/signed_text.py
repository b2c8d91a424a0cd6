"""What a signature is made over: the one text that producers and gateways must agree on to the last byte.

It holds what the gateway understood of a request, whichever of the value, the headers and the defaults said it, because
headers may be reordered, doubled and added on their way. So a signature holds for one key, one id, one time, one reply
topic, one batch, one deadline and one value, and for nothing else.

Each field is a netstring (its length in bytes, a colon, the bytes, a comma), so no two lists of fields are one text.
"""

import hashlib
from typing import Final

from . import headers as names
from .record import Record, header
from .request import Rejected, Request

#: Another layout of the fields gets another version, and old signatures do not hold for it.
VERSION: Final = b"headgate-signature-v1\n"


def signed_text(asked: Request | Rejected, record: Record, signed_at: bytes) -> bytes:
    """Return the text. `signed_at` is the header as it is written; `asked` is what was read from `record`."""
    fields = (
        asked.key.encode(),
        asked.id.encode(),
        signed_at,
        asked.reply_to.encode(),
        (asked.batch or "").encode(),
        header(record.headers, names.DEADLINE) or b"",
        hashlib.sha256(record.value or b"").hexdigest().encode(),
    )
    return VERSION + b"".join(b"%d:%b," % (len(field), field) for field in fields)
