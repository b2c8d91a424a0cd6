"""Who asks, and what they may: virtual keys, decided from the config and the record alone."""
