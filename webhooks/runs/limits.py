"""Say how much the runner does at once and how long what it did is kept."""

from dataclasses import dataclass

from webhooks.settings import Settings


@dataclass(frozen=True, slots=True)
class RunLimits:
    """Bound the runner. A run is somebody's for `lease_s` after the last sign of life; then others take it over."""

    at_once: int = 16
    at_once_per_canary: int = 4
    log_bytes: int = 10 * 1024 * 1024
    kept_s: float = 7 * 24 * 3600.0
    kept_runs: int = 10_000
    lease_s: float = 15.0


def read_limits(settings: Settings) -> RunLimits:
    """Give the bounds that the settings say."""
    return RunLimits(
        at_once=settings.runs_at_once,
        at_once_per_canary=settings.runs_per_canary,
        log_bytes=settings.log_limit_bytes,
        kept_s=settings.kept_s,
        kept_runs=settings.kept_runs,
    )
