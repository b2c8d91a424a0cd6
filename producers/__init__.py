"""The senders: clients of the bus, batches from files, progress."""
