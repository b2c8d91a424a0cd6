"""`headgate submit`."""

from pathlib import Path

import click

from .options import config_option, format_option, wishes_options


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@wishes_options
@config_option
@format_option
def submit(  # noqa: PLR0913 - one for every option
    *,
    file: Path,
    lane: str | None,
    key: str | None,
    key_file: Path | None,
    deadline: str | None,
    config_file: Path | None,
    form: str,
) -> int:
    """Put a file of requests on the bus and return.

    Prints the batch's id, for `headgate collect`. Workers that run already, or later, answer it. A submission that was
    interrupted goes on when the same file is submitted again.
    """
    from .batch_terms import Wishes  # noqa: PLC0415 - help must not wait for it
    from .submitting import submit_file  # noqa: PLC0415 - as above

    return submit_file(config_file, file, Wishes(lane, key, deadline, key_file), form)
