"""What is said of deployments whose price nobody knows."""

from typing import Final

UNPRICED: Final = (
    "No price is known for its model: requests for it are refused until you give it a `price`, or `unpriced: allow`."
)
