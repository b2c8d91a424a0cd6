"""The command line: thin commands over the other rooms. Data goes to stdout, all else to stderr."""

from .program import main

__all__ = ["main"]
