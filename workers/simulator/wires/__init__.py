"""The wires that the simulator speaks: one module per family, and what they have in common."""
