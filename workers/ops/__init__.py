"""Operating a process: logs, metrics, probes, stopping."""
