"""`sampled.py OUT ARGUMENTS`: the command `headgate ARGUMENTS`, with its CPU sampled.

SIGUSR1 begins; SIGUSR2 ends and writes a line for each stack: files and functions from the outermost to the innermost,
and the microseconds of CPU that it took. A sample is taken about once in a millisecond of CPU, in the kernel or not,
and all CPU since the one before counts for the Python code that runs next. The process is not halted for it.
"""

import gc
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Final

INTERVAL: Final = 0.001
GARBAGE: Final = "garbage collection"


class Sampler:
    """Adds up CPU by stack."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._stacks: Counter[tuple[str, ...]] = Counter()
        #: CPU up to which all is accounted for, and when the present collection began; nanoseconds.
        self._until = self._collecting_since = 0

    def listen(self) -> None:
        """Begin and end when told so."""
        signal.signal(signal.SIGUSR1, self._begin)
        signal.signal(signal.SIGUSR2, self._end)
        signal.signal(signal.SIGPROF, self._sample)

    def _begin(self, _: int, __: FrameType | None) -> None:
        self._until = time.process_time_ns()
        gc.callbacks.append(self._collecting)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)

    def _end(self, _: int, __: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        lines = (f"{';'.join(stack)} {ns // 1000}\n" for stack, ns in self._stacks.items())
        whole = self._out.with_suffix(".part")
        whole.write_text("".join(lines))
        whole.rename(self._out)

    def _sample(self, _: int, frame: FrameType | None) -> None:
        stack: list[str] = []
        while frame is not None:
            stack.append(f"{frame.f_code.co_filename}:{frame.f_code.co_name}")
            frame = frame.f_back
        now = time.process_time_ns()
        self._stacks[tuple(reversed(stack))] += now - self._until
        self._until = now

    def _collecting(self, phase: str, _: dict[str, int]) -> None:
        now = time.process_time_ns()
        if phase == "start":
            self._collecting_since = now
        else:
            spent = now - max(self._collecting_since, self._until)
            self._stacks[(GARBAGE,)] += spent
            self._until += spent


def main() -> None:
    """Run the command."""
    from headgate.workers.cli.program import main as headgate  # noqa: PLC0415 - what is measured comes last

    Sampler(Path(sys.argv[1])).listen()
    sys.argv = ["headgate", *sys.argv[2:]]
    headgate()


if __name__ == "__main__":
    main()
