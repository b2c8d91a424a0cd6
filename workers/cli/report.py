"""`headgate report`."""

import datetime as dt
from pathlib import Path

import click

from .options import config_option, format_option

#: `Dimension` of the reporting room, spelled out because importing it costs more than the whole help; a test compares.
DIMENSIONS = ("key", "workspace", "model", "provider", "deployment", "batch", "lane", "endpoint", "day")


class Moment(click.ParamType[dt.datetime]):
    """A day or a time, without a zone in UTC; or a duration, back from now."""

    name = "when"

    def convert(
        self, value: str | dt.datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> dt.datetime:
        """Read it."""
        if isinstance(value, dt.datetime):
            return value
        from .moments import EXPECTED, moment_of  # noqa: PLC0415 - help must not wait for it

        moment = moment_of(value, dt.datetime.now(dt.UTC))
        if moment is None:
            self.fail(f"expected {EXPECTED}, got {value!r}", param, ctx)
        return moment


@click.group()
def report() -> None:
    """Ask the ledger."""


@report.command()
@click.option(
    "--by",
    type=click.Choice(DIMENSIONS),
    multiple=True,
    default=("model",),
    show_default="model",
    help="What to tell costs apart by; may be repeated.",
)
@click.option(
    "--since", type=Moment(), help="From this day or time on (UTC unless it has a zone), or 7d back from now."
)
@click.option("--until", type=Moment(), help="Before this day or time, or so long ago.")
@click.option("--batch", help="Of this batch only.")
@click.option("--total", is_flag=True, help="Only the sum, whatever --by says.")
@config_option
@format_option
def cost(  # noqa: PLR0913 - one for every option
    *,
    by: tuple[str, ...],
    since: dt.datetime | None,
    until: dt.datetime | None,
    batch: str | None,
    total: bool,
    config_file: Path | None,
    form: str,
) -> int:
    """Tell what was spent, by model or by anything else.

    Reads the ledger itself while nobody owns it, and the newest snapshot while a recorder does.
    """
    from .report_cost import report_cost  # noqa: PLC0415 - help must not wait for it

    return report_cost(config_file, form, () if total else by, since=since, until=until, batch=batch)
