"""The worker's process: settings, logs, event loop; the rest is `workers/worker.py`."""

from pathlib import Path

from ..assembly import WorkerOptions
from ..ops.logs import Logs
from ..worker import run_worker
from .loop import run_loop
from .settled import settings_of


def run(
    config_file: Path | None, *, slot: str | None, simulator: str | None, port: int | None, exit_with_parent: bool
) -> int:
    """Run a worker to its end and return the exit status."""
    settings = settings_of(config_file, {"operations.worker_port": port})
    operations = settings.config.operations
    with Logs(operations.log, operations.log_level, settings.secrets()) as logs:
        options = WorkerOptions(slot, simulator, exit_with_parent, logs.learn)
        return run_loop(run_worker(settings, options))
