"""Parts of a stack that do nothing but live, write down when they end, and end as they are told."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from headgate.workers.stack.part import Part, base_url, operations_address

#: arguments: name, diary, announcement, manner. Ends at the end of stdin or at SIGTERM, and writes it down.
PART = """
import os, signal, sys, time
name, diary, line, manner = sys.argv[1:]
def note(what):
    with open(diary, "a") as file:
        file.write(f"{name} {what}\\n")
def end(why):
    if manner != "deaf":
        if manner == "slow":
            time.sleep(0.3)
        note(f"ended by {why}")
        os._exit(0)
signal.signal(signal.SIGTERM, lambda *_: end("signal"))
note("began")
if manner == "broken":
    sys.stderr.write("the disk is full\\n")
    sys.exit(1)
if manner == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
print(line, flush=True)
while True:
    if os.read(0, 100) == b"":
        end("lifeline")
        time.sleep(60)
"""


def part(name, diary, line, manner="good", *, announced=operations_address, patience=10.0, holds=()):
    command = (sys.executable, "-S", "-c", PART, name, str(diary), line, manner)
    return Part(name, command, announced, patience, holds)


@dataclass
class FakeParts:
    """`manners` may say of a part that it is slow, deaf or broken."""

    diary: Path
    simulated: bool = True
    manners: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)

    def worker(self, simulator, holds):
        self.asked.append(("worker", simulator))
        return self._part("worker", '{"ready": true, "operations": "http://worker"}', holds=holds)

    def recorder(self, holds):
        return self._part("recorder", '{"ready": true, "operations": "http://recorder"}', holds=holds)

    def simulator(self, earlier):
        self.asked.append(("simulator", earlier))
        return self._part("simulator", "http://127.0.0.1:1/v1", announced=base_url)

    def _part(self, name, line, **more):
        return part(name, self.diary, line, self.manners.get(name, "good"), **more)

    def lines(self):
        return self.diary.read_text().splitlines() if self.diary.exists() else []


class Events:
    """Listens to everything; `seen` is an event per line."""

    def __init__(self):
        self.seen = []
        self.pids = {}

    def part_ready(self, name, pid, address):
        self.pids[name] = pid
        self.seen.append(f"{name} ready at {address}")

    def part_lost(self, name, why, pause):
        self.seen.append(f"{name} {why}, again in {pause}")

    def stack_is_shared(self, owner):
        self.seen.append(f"shared with {owner.pid if owner else 'somebody'}")

    def stack_is_ours(self):
        self.seen.append("ours")


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
