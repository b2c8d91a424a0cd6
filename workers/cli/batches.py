"""The batches that were submitted from here and wait to be collected: one state each, under the directory."""

from collections.abc import Iterator
from pathlib import Path

from ...producers.batch_state import BatchState, StateUnreadableError, load_state
from ...producers.ids import is_batch_id
from ...producers.logbook import Places
from ...schemas.config import Config


def batches_folder(config: Config) -> Path:
    """Return where the states lie."""
    return Path(config.directory) / "batches"


def places_of(config: Config, batch: str) -> Places:
    """Return where a batch's files lie."""
    return Places.under(batches_folder(config), batch)


def known_batches(config: Config) -> Iterator[BatchState]:
    """Yield what is known of every batch, the latest first; what cannot be read is left out."""
    for path in sorted(batches_folder(config).glob("batch-*.json"), reverse=True):
        try:
            state = load_state(path)
        except StateUnreadableError:
            continue
        if state is not None and is_batch_id(path.stem):
            yield state
