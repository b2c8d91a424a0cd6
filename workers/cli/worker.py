"""`headgate worker`."""

from pathlib import Path

import click

from .options import config_option


@click.command()
@config_option
@click.option("--slot", help="Its name among the workers, the same after a restart; default: one that nobody has.")
@click.option("--simulator", metavar="URL", help="Who answers while no provider is configured: a simulator's base URL.")
@click.option("--operations-port", type=click.IntRange(0, 65535), help="Instead of operations.worker_port.")
@click.option("--exit-with-parent", is_flag=True, help="Stop when stdin ends.")
def worker(
    *,
    config_file: Path | None,
    slot: str | None,
    simulator: str | None,
    operations_port: int | None,
    exit_with_parent: bool,
) -> int:
    """Run a gateway worker until it is told to stop.

    It takes requests off the bus, calls the providers, and publishes replies and usage. Run as many as the request
    topics have partitions. One line of JSON on stdout says when it takes requests, and where its probes are.
    """
    from .worker_process import run  # noqa: PLC0415 - help must not wait for it

    return run(config_file, slot=slot, simulator=simulator, port=operations_port, exit_with_parent=exit_with_parent)
