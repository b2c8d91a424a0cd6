"""`headgate config`."""

from pathlib import Path

import click

from .options import config_option, format_option

#: Whose configs can be imported.
SOURCES = ("litellm", "portkey")


@click.group()
def config() -> None:
    """Check, describe and import the config file."""


@config.command()
@config_option
@format_option
def check(*, config_file: Path | None, form: str) -> int:
    """Check the config without starting anything, and list its models."""
    from .config_check import check_config  # noqa: PLC0415 - help must not wait for it

    return check_config(config_file, form)


@config.command("import")
@click.option("--from", "source", type=click.Choice(SOURCES), required=True, help="Whose config it is.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where headgate.yaml goes; default: stdout.",
)
@click.option("--force", is_flag=True, help="Replace an existing output.")
@click.option("--model", "models", multiple=True, help="Portkey: a model that requests ask for; may be repeated.")
@click.option(
    "--slug",
    "slugs",
    multiple=True,
    metavar="SLUG=PROVIDER",
    help="Portkey: whose credential it keeps under a slug; may be repeated.",
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def import_(
    *, source: str, output: Path | None, force: bool, models: tuple[str, ...], slugs: tuple[str, ...], file: Path
) -> int:
    """Turn the config of another gateway into Headgate's, and list by name what has no counterpart."""
    from .config_import import Wanted, import_config  # noqa: PLC0415 - help must not wait for it

    return import_config(Wanted(source, file, output, force, models, slugs))


@config.command()
def schema() -> int:
    """Print the JSON Schema of the config file, for editors."""
    from .config_check import print_schema  # noqa: PLC0415 - help must not wait for it

    return print_schema()
