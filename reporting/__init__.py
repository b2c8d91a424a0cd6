"""The ledger: its schema, its questions, its snapshots."""
