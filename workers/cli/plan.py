"""`headgate plan`."""

from pathlib import Path

import click

from .options import config_option, format_option


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--each", is_flag=True, help="A row for every request, with the reasons, instead of the sums.")
@click.option("--lane", type=click.Choice(["urgent", "standard", "bulk"]), help="As for run.")
@click.option("--key", help="Who asks, unless a line says it; default: defaults.key.")
@click.option("--deadline", metavar="WHEN", help="As for run.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="How many share the work.")
@click.option(
    "--first-token",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Seconds that a call is taken to wait for its first token.",
)
@click.option(
    "--tokens-per-second",
    type=click.FloatRange(min=0, min_open=True),
    default=50.0,
    show_default=True,
    help="How fast calls are taken to answer after that.",
)
@config_option
@format_option
def plan(  # noqa: PLR0913 - one for every option
    *,
    file: Path,
    each: bool,
    lane: str | None,
    key: str | None,
    deadline: str | None,
    workers: int,
    first_token: float,
    tokens_per_second: float,
    config_file: Path | None,
    form: str,
) -> int:
    """Tell what a file would cost and take, without calling anyone.

    FILE has OpenAI batch lines, as for `headgate run`. Each is planned, estimated and let in as a gateway would, on a
    virtual clock, with nothing started and nothing asked: where it would go and why, what it would cost, when it would
    be answered, or why it would be refused.
    """
    from .batch_terms import Wishes  # noqa: PLC0415 - help must not wait for it
    from .planning import Assumed, plan_file  # noqa: PLC0415 - as above

    assumed = Assumed(workers, first_token, tokens_per_second)
    return plan_file(config_file, file, Wishes(lane, key, deadline), assumed, form, each=each)
