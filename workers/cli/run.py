"""`headgate run`."""

from pathlib import Path

import click

from .options import config_option, format_option, wishes_options


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Where the answers go."
)
@click.option(
    "--order",
    type=click.Choice(["input", "completed"]),
    default="input",
    show_default=True,
    help="Whether the answers stand in the order of the requests, or as they came.",
)
@click.option("--force", is_flag=True, help="Replace an existing output; abandon another batch in its place.")
@click.option("--no-workers", is_flag=True, help="Leave the work to workers and a recorder that run already.")
@wishes_options
@config_option
@format_option
def run(  # noqa: PLR0913 - one for every option
    *,
    file: Path,
    output: Path,
    order: str,
    force: bool,
    no_workers: bool,
    lane: str | None,
    key: str | None,
    key_file: Path | None,
    deadline: str | None,
    config_file: Path | None,
    form: str,
) -> int:
    """Answer a file of requests, here and now.

    FILE has OpenAI batch lines, one request each. A worker, a recorder and, while no provider is configured, a
    simulator are started for as long as it takes. After Ctrl-C, or anything worse, the same command goes on where it
    was: no request is answered twice, and none is lost.
    """
    from .batch_terms import Wishes  # noqa: PLC0415 - help must not wait for it
    from .running import Asked, answer_file  # noqa: PLC0415 - as above

    wishes = Wishes(lane, key, deadline, key_file)
    asked = Asked(file, output, order, force=force, workers=not no_workers, wishes=wishes)
    return answer_file(config_file, asked, form)
