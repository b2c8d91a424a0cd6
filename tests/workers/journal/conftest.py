"""Servers for the tests of the journal."""

from support.valkey import own_valkey, valkey, valkey_url

__all__ = ["own_valkey", "valkey", "valkey_url"]
