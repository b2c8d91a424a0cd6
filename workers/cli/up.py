"""`headgate up`."""

from pathlib import Path

import click

from .options import config_option, format_option


@click.command()
@config_option
@format_option
def up(*, config_file: Path | None, form: str) -> int:
    """Keep the embedded stack running until Ctrl-C.

    That is the bus, a worker, a recorder and, while no provider is configured, the simulator. Their addresses are
    printed once they work. `headgate run` and `headgate collect` in the same directory use it.
    """
    from .keeping_up import keep_up  # noqa: PLC0415 - help must not wait for it

    return keep_up(config_file, form)
