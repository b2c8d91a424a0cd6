"""The words: frozen values that every room shares. No I/O, and nothing of ours is imported."""
