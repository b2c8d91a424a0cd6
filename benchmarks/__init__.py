"""`python -m benchmarks`: requests/s and CPU per request of the gateway, beside a bare aiohttp loop in the same run."""
