"""`headgate cancel`."""

from pathlib import Path

import click

from .options import BadUsage, config_option


@click.command()
@click.argument("name", metavar="NAME")
@config_option
def cancel(*, name: str, config_file: Path | None) -> int:
    """Call for no more of a batch, or for one request no more.

    What has not been called yet is answered `cancelled`; what is in flight finishes, is billed, and is answered as
    ever. What is parked is answered when it comes back, within the hour. What is submitted later is not meant.
    """
    if not name.strip():
        raise BadUsage("expected the id of a batch or of a request, got nothing")
    from .cancelling import cancel_by_name  # noqa: PLC0415 - help must not wait for it

    return cancel_by_name(config_file, name)
