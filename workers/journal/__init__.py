"""The journal: what outlives a worker of the attempts it began."""
