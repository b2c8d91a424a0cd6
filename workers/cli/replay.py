"""`headgate replay`."""

from pathlib import Path

import click

from .options import config_option, format_option

#: `By` of the comparison, spelled out because importing it costs more than the whole help; a test compares.
BY = ("model", "key", "deployment", "provider")


@click.command()
@click.option(
    "--ledger",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The ledger to read; default: ledger.path of the config.",
)
@click.option(
    "--since", metavar="WHEN", help="From then on: a day or time, or a duration like 7d, back from now; default: all."
)
@click.option("--until", metavar="WHEN", help="Until before then, spelled in the same way.")
@click.option(
    "--by",
    type=click.Choice(BY),
    multiple=True,
    default=("model",),
    show_default="model",
    help="What to tell requests apart by; may be repeated.",
)
@click.option("--total", is_flag=True, help="Only the sum, whatever --by says.")
@config_option
@format_option
def replay(  # noqa: PLR0913 - one for every option
    *,
    ledger: Path | None,
    since: str | None,
    until: str | None,
    by: tuple[str, ...],
    total: bool,
    config_file: Path | None,
    form: str,
) -> int:
    """Run what the ledger has recorded against another config.

    Nobody is called. Each recorded request is planned and let in by the config of --config, on a virtual clock that
    goes from arrival to arrival: what it would have cost there, whether it would have been deferred, and for how long,
    or refused.
    """
    from .replaying import Period, replay_ledger  # noqa: PLC0415 - help must not wait for it

    return replay_ledger(config_file, ledger, Period(since, until), () if total else by, form)
