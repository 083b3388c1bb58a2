"""Write a forecast for people and for programs."""

from collections.abc import Sequence
from typing import Any

from workflows.foresight.forecast import Row
from workflows.rollout.state import Outcome

_HEADINGS = ("judge", "canary", "promoted", "stopped", "ended after, median", "95 of 100", "met it", "failed")


def write_table(rows: Sequence[Row]) -> str:
    """Write rows below headings; shares in percent with the interval that holds the true one in 95 of 100 cases."""
    lines = [_HEADINGS, *(_write_row(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n" for line in lines
    )


def _write_row(row: Row) -> tuple[str, ...]:
    return (
        row.judge,
        row.kind.name,
        str(row.share(Outcome.PROMOTED)),
        str(row.share(Outcome.ROLLED_BACK)),
        _write_time(row.median_s),
        _write_time(row.slow_s),
        f"{row.requests:.0f}",
        f"{row.failed:.1f}",
    )


def _write_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def write_verdicts(rows: Sequence[Row]) -> str:
    """Say for each judge how often it is wrong: good canaries stopped, bad ones promoted."""
    lines = []
    for judge in dict.fromkeys(row.judge for row in rows):
        false = ", ".join(str(row.share(Outcome.ROLLED_BACK)) for row in rows if row.judge == judge and row.kind.good)
        missed = [row for row in rows if row.judge == judge and not row.kind.good and row.share(Outcome.PROMOTED).count]
        names = "; ".join(f"{row.kind.name} {row.share(Outcome.PROMOTED)}" for row in missed) or "none"
        lines.append(f"{judge}: good canaries stopped: {false}; bad ones promoted: {names}\n")
    return "".join(lines)


def write_document(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Write rows as JSON's own types."""
    return [
        {
            "judge": row.judge,
            "canary": row.kind.name,
            "good": row.kind.good,
            "runs": len(row.endings),
            "promoted": row.share(Outcome.PROMOTED).value,
            "stopped": row.share(Outcome.ROLLED_BACK).value,
            "median_s": round(row.median_s, 1),
            "slow_s": round(row.slow_s, 1),
            "requests": round(row.requests, 1),
            "failed": round(row.failed, 2),
        }
        for row in rows
    ]
