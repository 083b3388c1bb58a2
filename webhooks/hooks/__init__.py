"""Answer Flagger's hooks, without HTTP."""

from webhooks.hooks.service import HookService

__all__ = ["HookService"]
