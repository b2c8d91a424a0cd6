"""The provider simulator: an HTTP server that speaks the wires of many, keeps books, and fails when told."""

from .books import Books, Entry, Sum, Totals
from .config import SimulatorConfig
from .faults import Fault, FaultRate, FaultSyntaxError, Kind, parse_fault, parse_rate
from .latency import Fixed, Latency, Lognormal, Uniform, parse_latency
from .outcomes import Outcome
from .serve import serve
from .server import Address, Simulator
from .tokens import Usage

__all__ = [
    "Address",
    "Books",
    "Entry",
    "Fault",
    "FaultRate",
    "FaultSyntaxError",
    "Fixed",
    "Kind",
    "Latency",
    "Lognormal",
    "Outcome",
    "Simulator",
    "SimulatorConfig",
    "Sum",
    "Totals",
    "Uniform",
    "Usage",
    "parse_fault",
    "parse_latency",
    "parse_rate",
    "serve",
]
