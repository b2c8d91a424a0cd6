"""`headgate providers`."""

from pathlib import Path

import click

from .options import config_option, format_option


@click.group()
def providers() -> None:
    """Look up providers, and check those of the config."""


@providers.command("list")
@format_option
def list_(*, form: str) -> int:
    """List the providers that are known by id.

    Each needs a credential only, in one of the variables that stand beside it or in the config. Any other that speaks
    OpenAI's wire needs a base_url too.
    """
    from .providers_listed import list_providers  # noqa: PLC0415 - help must not wait for it

    return list_providers(form)


@providers.command()
@click.argument("provider")
@format_option
def show(*, provider: str, form: str) -> int:
    """Tell all that is known of a provider, by its id or what others call it."""
    from .providers_listed import show_provider  # noqa: PLC0415 - help must not wait for it

    return show_provider(provider, form)


@providers.command()
@click.option("--call", is_flag=True, help="Ask each for its list of models, which costs nothing.")
@config_option
@format_option
def check(*, call: bool, config_file: Path | None, form: str) -> int:
    """Tell of each provider of the config whether it can be called.

    Its credentials are read where they are said to be; nothing is called unless you say so.
    """
    from .providers_checked import check_providers  # noqa: PLC0415 - help must not wait for it

    return check_providers(config_file, form, call=call)
