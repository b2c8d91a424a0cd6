"""What failures have in common, as decisions ask for it: whose fault one is, and who else may do better."""

from typing import Final

from ..schemas.failures import Code

#: The credential's: it is refused, may not, or is out of money, whatever is asked with it. Another one may do.
CREDENTIAL: Final = frozenset({Code.AUTHENTICATION, Code.PERMISSION, Code.QUOTA_EXHAUSTED})
#: The moment's: the provider is asked for more than it gives now. Later, or elsewhere, it may do.
LOAD: Final = frozenset({Code.RATE_LIMITED, Code.OVERLOADED, Code.CAPACITY})
#: The request's size: it does not fit there. Where more fits, it may do.
FIT: Final = frozenset({Code.CONTEXT_LENGTH, Code.UPSTREAM_TOO_LARGE})
#: The content's: the provider will not have it. A provider with other rules may.
CONTENT: Final = frozenset({Code.CONTENT_POLICY})
