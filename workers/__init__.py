"""The shell: consume, call, publish, record. Wires the other rooms together; nobody imports it."""
