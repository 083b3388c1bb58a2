"""Tell the story that the demo performs: which releases, how each must end, and whether it did."""

from collections.abc import Sequence
from dataclasses import dataclass

from workflows.reports.release import ReleaseReport
from workflows.rollout.state import Outcome


@dataclass(frozen=True, slots=True)
class Scene:
    """Describe one release of the story; `failing_percent` is the most user requests that may fail.

    A release that ends `early` need not have come to all of its weights.
    """

    name: str
    deployment: str
    outcome: Outcome
    weights: tuple[int, ...]
    failed_checks: int
    failing_percent: float
    early: bool = False

    @property
    def slug(self) -> str:
        """Give the name as files have it: `v1-to-v2`."""
        return self.name.replace(" -> ", "-to-")


SCENES = (
    Scene("v1 -> v2", "deployment-v2.yaml", Outcome.PROMOTED, (0, 20, 40, 60, 80, 100), 0, 0.0),
    Scene("v2 -> v3", "deployment-v3.yaml", Outcome.ROLLED_BACK, (0, 20, 0), 3, 5.0),
)


SCENES_BY_EVIDENCE = (
    Scene("v1 -> v2", "deployment-v2.yaml", Outcome.PROMOTED, (0, 1, 5, 20, 40, 60, 80, 100), 0, 0.0),
    Scene("v2 -> v3", "deployment-v3.yaml", Outcome.ROLLED_BACK, (0, 1, 5, 20, 0), 0, 1.0, early=True),
)


_HEADINGS: tuple[str, ...] = (
    "release",
    "outcome",
    "canary weights",
    "failed checks",
    "seconds",
    "user requests",
    "failed",
)


def find_differences(scene: Scene, report: ReleaseReport) -> tuple[str, ...]:
    """List in what a release did not go as the story says; empty when it did."""
    found = (
        _compare(scene, "outcome", scene.outcome.value, report.outcome.value),
        _compare_weights(scene, report),
        _compare(scene, "failed checks", scene.failed_checks, report.failed_checks),
        _compare_users(scene, report),
    )
    return tuple(difference for difference in found if difference)


def _compare(scene: Scene, what: str, told: object, went: object) -> str:
    return "" if told == went else f"{scene.name}: {what} {went}, the story says {told}"


def _compare_weights(scene: Scene, report: ReleaseReport) -> str:
    if scene.early and set(report.weights) <= set(scene.weights):
        return ""
    return _compare(scene, "weights", scene.weights, report.weights)


def _compare_users(scene: Scene, report: ReleaseReport) -> str:
    if not report.user_requests:
        return f"{scene.name}: no user request was made"
    failing = 100.0 * report.user_failures / report.user_requests
    if failing <= scene.failing_percent:
        return ""
    return f"{scene.name}: {failing:.2f} % of the user requests failed, the story allows {scene.failing_percent:g} %"


def tabulate(reports: Sequence[ReleaseReport]) -> str:
    """Lay the releases out as a table for a terminal."""
    rows: list[tuple[str, ...]] = [
        ("release", "outcome", "canary weights", "failed checks", "seconds", "user requests", "failed")
    ]
    rows += [_row(report) for report in reports]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _row(report: ReleaseReport) -> tuple[str, ...]:
    share = 100.0 * report.user_failures / report.user_requests if report.user_requests else 0.0
    weights = " ".join(str(weight) for weight in report.weights)
    outcome = report.outcome.value.replace("_", " ")
    failed = f"{report.user_failures} ({share:.2f} %)"
    return (
        report.name,
        outcome,
        weights,
        str(report.failed_checks),
        f"{report.duration_s:.1f}",
        str(report.user_requests),
        failed,
    )
