"""`headgate simulate`: the simulator on the command line."""

from collections.abc import Callable
from typing import TypeVar

import click

from .config import DEFAULT_MODELS, SimulatorConfig
from .faults import FaultRate, parse_rate
from .latency import Latency, parse_latency
from .serve import serve

T = TypeVar("T")


class Spelled(click.ParamType[T]):
    """A value with a spelling of its own; what its reader raises is shown to the user."""

    def __init__(self, name: str, read: Callable[[str], T]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: str | T, param: click.Parameter | None, ctx: click.Context | None) -> T:
        """Read the value."""
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _parse_range(text: str) -> tuple[int, int]:
    low, _, high = text.partition("-")
    if not (low.isdecimal() and high.isdecimal() and 0 < int(low) <= int(high)):
        raise ValueError(f"expected LOW-HIGH, as 16-128, got {text!r}")
    return int(low), int(high)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=0, show_default=True, type=click.IntRange(0, 65535), help="0: any free port.")
@click.option("--seed", default=0, show_default=True, help="Another seed, other answers.")
@click.option(
    "--latency",
    default="0",
    show_default=True,
    type=Spelled("latency", parse_latency),
    help="MS, uniform:LOW,HIGH or lognormal:MEDIAN,P99, in milliseconds.",
)
@click.option(
    "--output-tokens",
    default="16-128",
    show_default=True,
    type=Spelled("range", _parse_range),
    help="The length of an answer that nothing limits, LOW-HIGH.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="FAULT=RATE",
    type=Spelled("fault", parse_rate),
    help="A share of attempts that fails, as 429=0.01 or 'timeout=5000=0.001'. May be repeated.",
)
@click.option("--model", "models", multiple=True, help="A model to list; all others are then unknown. Repeatable.")
@click.option("--dimensions", default=256, show_default=True, type=click.IntRange(1, 4096), help="Of an embedding.")
@click.option("--context-tokens", type=click.IntRange(min=1), help="Longer prompts are refused.")
@click.option("--max-rps", type=click.FloatRange(min=0, min_open=True), help="More requests a second are answered 429.")
@click.option("--api-key", help="The bearer token to be shown; any is taken when this is absent.")
@click.option("--exit-with-parent", is_flag=True, help="Stop when stdin ends.")
def simulate(  # noqa: PLR0913 - one for every option
    *,
    host: str,
    port: int,
    seed: int,
    latency: Latency,
    output_tokens: tuple[int, int],
    faults: tuple[FaultRate, ...],
    models: tuple[str, ...],
    dimensions: int,
    context_tokens: int | None,
    max_rps: float | None,
    api_key: str | None,
    exit_with_parent: bool,
) -> None:
    """Answer as an OpenAI-compatible provider would, without one.

    The base URL is printed when it is ready. GET /simulator/books under the root says what was served.
    """
    try:
        config = SimulatorConfig(
            seed=seed,
            latency=latency,
            output_tokens=output_tokens,
            faults=faults,
            models=models or DEFAULT_MODELS,
            only_these_models=bool(models),
            dimensions=dimensions,
            context_tokens=context_tokens,
            max_requests_per_second=max_rps,
            api_key=api_key,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    try:
        serve(config, host, port, exit_with_parent=exit_with_parent)
    except OSError as error:
        raise click.ClickException(f"cannot listen at {host} port {port}: {error}") from error
