"""What a batch cost, by the ledger."""

from pathlib import Path

from ...reporting.cost import cost_by
from ...reporting.errors import LedgerError
from ...reporting.reader import open_for_reading


def cost_in_ledger(path: Path, batch: str) -> int | None:
    """Return nano-dollars, or None while the ledger cannot be read; then the replies' own sum has to do.

    So it does where somebody else's recorder owns the ledger: its snapshot may be older than the batch.
    """
    try:
        with open_for_reading(path) as reader:
            if reader.age_seconds is not None:
                return None
            return cost_by(reader, batch=batch).total.cost_nano
    except LedgerError:
        return None
