"""Know who calls and what they may do: people by bearer tokens, hooks by what their Canary lists."""

from webhooks.access.doorkeepers import make_authority, make_read_back
from webhooks.access.readback import Listed, ReadBack
from webhooks.access.scopes import Admission, Authority, Need, Scope
from webhooks.access.tokens import TokenFile, make_token

__all__ = [
    "Admission",
    "Authority",
    "Listed",
    "Need",
    "ReadBack",
    "Scope",
    "TokenFile",
    "make_authority",
    "make_read_back",
    "make_token",
]
