"""LiteLLM's `config.yaml`.

The names and what they do are from the project's own documentation and types (BerriAI/litellm: `config_settings.md`,
`litellm/types/router.py`, `litellm/router_strategy/`), as of the autumn of 2026.
"""

from .adopt import adopted

__all__ = ["adopted"]
