"""Apache Kafka as the bus: a FastStream batch subscriber in, transactions out, offsets committed out of order.

`bus.py` holds the parts together. Decisions are in `tracker.py`, `offset_map.py` and `partitions.py`, which do no I/O.
"""
