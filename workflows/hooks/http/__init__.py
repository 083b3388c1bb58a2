"""Call webhooks over HTTP with the rules of Flagger's own client."""

from workflows.hooks.http.caller import HttpHookCaller

__all__ = ["HttpHookCaller"]
