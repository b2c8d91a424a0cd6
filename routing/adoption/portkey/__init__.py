"""Portkey's config, a tree of targets in JSON.

The names and what they do are from the gateway's code and documentation (Portkey-AI/gateway:
`src/types/requestBody.ts`, `src/handlers/handlerUtils.ts`, `src/services/conditionalRouter.ts`), as of the autumn of
2026.
"""

from .adopt import Unnamed, adopted

__all__ = ["Unnamed", "adopted"]
