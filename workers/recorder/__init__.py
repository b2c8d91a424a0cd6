"""The recorder: reads the usage topic and appends it to the ledger, each event once."""
