"""`headgate recorder`."""

from pathlib import Path

import click

from .options import config_option


@click.command()
@config_option
@click.option("--operations-port", type=click.IntRange(0, 65535), help="Instead of operations.recorder_port.")
@click.option("--exit-with-parent", is_flag=True, help="Stop when stdin ends.")
def recorder(*, config_file: Path | None, operations_port: int | None, exit_with_parent: bool) -> int:
    """Append usage to the ledger until told to stop.

    It owns the ledger file and publishes snapshots of it for readers; run one per ledger. One line of JSON on stdout
    says when it records, and where its probes are.
    """
    from .recorder_process import run  # noqa: PLC0415 - help must not wait for it

    return run(config_file, port=operations_port, exit_with_parent=exit_with_parent)
