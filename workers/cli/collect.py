"""`headgate collect`."""

from pathlib import Path

import click

from .options import config_option, format_option


@click.command()
@click.argument("batch")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the answers go.",
)
@click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Wait for all answers, or write those that are there now.",
)
@click.option(
    "--order",
    type=click.Choice(["input", "completed"]),
    default="input",
    show_default=True,
    help="Whether the answers stand in the order of the requests, or as they came.",
)
@click.option("--force", is_flag=True, help="Replace an existing output.")
@config_option
@format_option
def collect(  # noqa: PLR0913 - one for every option
    *,
    batch: str,
    output: Path,
    wait: bool,
    order: str,
    force: bool,
    config_file: Path | None,
    form: str,
) -> int:
    """Take the answers of a submitted batch off the bus.

    BATCH is the id that `headgate submit` printed, in the same directory. With --no-wait the output holds what has
    been answered so far, and the same command brings it up to date later.
    """
    from .collecting import Collect, collect_batch  # noqa: PLC0415 - help must not wait for it

    return collect_batch(config_file, Collect(batch, output, order, wait=wait, force=force), form)
