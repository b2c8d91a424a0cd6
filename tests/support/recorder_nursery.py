"""Starts recorders fast: imports everything once, then forks one for each line on stdin, and says when it ended.

python recorder_nursery.py LEDGER TOPIC-DIRECTORY
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from headgate.reporting.ledger import Ledger
from headgate.schemas import config
from headgate.workers.recorder.recorder import Recorder
from support.ledgers import FileSource


async def record(ledger: Path, topic: Path) -> None:
    pace = config.Ledger(path=str(ledger), batch_rows=20, batch_seconds=0.01, snapshot_seconds=0.03)
    recorder = Recorder(FileSource(topic), Ledger.open(ledger), pace)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, recorder.stop, 30.0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    await recorder.run()


def _say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main() -> None:
    ledger, topic = Path(sys.argv[1]), Path(sys.argv[2])
    # A recorder inherits this, so a SIGTERM that comes before its handler waits for it.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    _say("ready")
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            asyncio.run(record(ledger, topic))
            os._exit(0)
        _say(child)
        _, status = os.waitpid(child, 0)
        _say(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
