"""Calling providers: an httpx transport on aiohttp, and the translation of what can go wrong."""
