"""The stack: Valkey, simulator, worker and recorder as children of one command, and stopped in the right order."""
