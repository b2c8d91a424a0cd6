"""A process of its own that uses an embedded server: `python keeper.py DIRECTORY`; says who it is, then waits."""

import asyncio
import sys

from headgate.workers.embedded.server import EmbeddedServer


async def main(directory):
    """Enter, say `keeper PID` or `attached 0`, and stay until standard input ends; repeat it for each line of input."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with EmbeddedServer(directory) as server:
        while True:
            print("keeper" if server.is_keeper else "attached", server.child_pid or 0, flush=True)  # noqa: T201 - how it is heard
            if not await reader.readline():
                return


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
