"""Start each test once per key, wait for it, cancel it; what is under way survives a crash of anybody."""

from webhooks.runs.bell import Bell
from webhooks.runs.loads import LoadDesk
from webhooks.runs.service import RunService

__all__ = ["Bell", "LoadDesk", "RunService"]
