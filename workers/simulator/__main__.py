"""`python -m headgate.workers.simulator`."""

from .command import simulate

if __name__ == "__main__":
    simulate()
