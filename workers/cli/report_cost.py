"""What `headgate report cost` says."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from ...reporting.cost import Dimension, cost_by
from ...reporting.errors import LedgerError, MissingLedgerError
from ...reporting.reader import open_for_reading
from ...reporting.tables import Format, render
from .exits import Status
from .options import BadUsage, OurFault
from .settled import settings_without

#: What is not asked: the answer is in a file.
_NOT_FOR_US: Final = frozenset({"providers", "bus", "store"})


def report_cost(
    config_file: Path | None,
    form: str,
    by: Sequence[str],
    *,
    since: dt.datetime | None,
    until: dt.datetime | None,
    batch: str | None,
) -> int:
    """Print the costs; which file was read is said on stderr."""
    path = settings_without(_NOT_FOR_US, config_file).config.ledger.path
    try:
        with open_for_reading(path) as reader:
            click.echo(f"from {reader.describe()}", err=True)
            answer = cost_by(reader, map(Dimension, by), since=since, until=until, batch=batch)
    except MissingLedgerError as error:
        raise BadUsage(str(error), "run something first, or name the config that says where the ledger is") from error
    except LedgerError as error:
        raise OurFault(str(error)) from error
    click.echo(render(answer.table(), Format(form)), nl=False)
    return Status.DONE
