"""Perform the two releases this project exists for, on this machine, with real parts.

A good version climbs to all the traffic and is promoted; a bad one fails three checks and loses its traffic, by
itself. The rule to keep: whatever ends the demo, the traffic goes home first and no process stays behind.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path

from rich.console import Console

from workflows import canary, stages, wiring
from workflows.canary.override import with_interval, with_judge
from workflows.clocks import SystemClock
from workflows.errors import ConfigurationError, ExitCode
from workflows.journal import place
from workflows.journal.writer import Journal, Source, read_source
from workflows.local import platform as local
from workflows.local.hookservice import HookService, ServiceOrder
from workflows.local.performance import Performance, Troupe, ViewEvents
from workflows.local.story import SCENES, SCENES_BY_EVIDENCE, Scene, find_differences, tabulate
from workflows.local.users import UserTraffic
from workflows.process import interruptible, owner
from workflows.release import Release
from workflows.reports import html
from workflows.reports.live import LiveView, open_view
from workflows.reports.recorder import UserCounts
from workflows.reports.release import ReleaseReport, write_json, write_text
from workflows.rollout.plan import Judge, RolloutPlan

USERS_PER_SECOND = 100
"""How many requests the demo's users send; enough for a check at 20 % of the traffic to see one error in four."""

_HOOKS = "penstock.weather:80"
_CANARY = "ad-canary.weather:3003"


@dataclass(frozen=True, slots=True)
class Wishes:
    """Say where the reports go, how long an interval is and which judge judges."""

    output: Path
    interval: str
    judge: str = Judge.THRESHOLD.value

    @property
    def scenes(self) -> Sequence[Scene]:
        """Give the story as this judge lets it go."""
        return SCENES if self.judge == Judge.THRESHOLD.value else SCENES_BY_EVIDENCE


def main(argv: Sequence[str]) -> int:
    """Perform the story; 0 when both releases went as it says."""
    arguments = make_parser().parse_args(list(argv))
    wishes = Wishes(arguments.output, arguments.interval, arguments.judge)
    write_json(wishes.output / "report.json", [])
    with interruptible():
        reports = perform(wishes)
    write_json(wishes.output / "report.json", reports)
    write_text(wishes.output / "report.html", html.render(reports))
    sys.stdout.write(f"\n{tabulate(reports)}\n\n{wishes.output / 'report.html'}\n{wishes.output / 'report.json'}\n")
    differences = [
        line for scene, report in zip(wishes.scenes, reports, strict=True) for line in find_differences(scene, report)
    ]
    sys.stdout.write("".join(f"not as the story says: {line}\n" for line in differences))
    return ExitCode.FAILED if differences else ExitCode.PROMOTED


def make_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser("penstock demo", description=__doc__)
    parser.add_argument(
        "--output", type=Path, default=Path("demo-report"), metavar="DIR", help="where the reports go (demo-report)"
    )
    parser.add_argument("--interval", default="5s", metavar="5s", help="how often the canary is judged (5s)")
    judges = [judge.value for judge in Judge]
    parser.add_argument("--judge", choices=judges, default=judges[0], help="what judges it (threshold)")
    return parser


def perform(wishes: Wishes) -> list[ReleaseReport]:
    """Raise the platform, the webhook service and the users, and make both releases."""
    example = find_example()
    plan = with_judge(with_interval(canary.load(example / "canary.yaml"), wishes.interval), wishes.judge)
    reports: list[ReleaseReport] = []
    clock = SystemClock()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="penstock-demo-")))
        view = stack.enter_context(open_view(Console()))
        view.event(clock.now(), "starting Envoy, two replicas of ad v1 and the webhook service")
        start = local.Start(example / "deployment-v1.yaml", owned=True)
        platform = stack.enter_context(local.start(folder / "platform", start))
        resolve = {_CANARY: platform.addresses.canary}
        service = stack.enter_context(HookService(ServiceOrder(folder / "hooks", example / "catalog.yaml", resolve)))
        asked = wiring.Wishes(
            platform.directory, example / "canary.yaml", resolve={_HOOKS: service.address}, events=ViewEvents(view)
        )
        wired = wiring.build("local", plan, asked)
        stages.initialise(Release(wired, plan, owner()))
        users = stack.enter_context(UserTraffic(f"http://{platform.addresses.apex}/ad", USERS_PER_SECOND))
        journal = partial(_open_journal, wishes.output, read_source(example / "canary.yaml"), plan, view)
        troupe = Troupe(wired, plan, service, partial(_count, users), view, wishes.scenes, journal)
        for scene in wishes.scenes:
            platform.apply(example / scene.deployment)
            reports.append(Performance(troupe, scene, reports).perform())
        return reports


def _open_journal(output: Path, source: Source, plan: RolloutPlan, view: LiveView, scene: Scene) -> Journal:
    path = place.beside(output / "report.json", f"{plan.name}-{scene.slug}")
    # Like the report, a journal is the last performance's; this one is a story of its own.
    if path.is_file():
        path.unlink()
    return Journal(path, source, plan.key, lambda why: view.event(SystemClock().now(), why, warning=True))


def _count(users: UserTraffic) -> UserCounts:
    counted = users.snapshot()
    return UserCounts(counted.requests, counted.failures)


def find_example() -> Path:
    """Find the ad service: beside the sources, or inside the installed package."""
    beside = Path(__file__).parents[2] / "examples" / "ad-service"
    packed = Path(str(resources.files("workflows.local"))) / "ad-service"
    found = next((folder for folder in (beside, packed) if (folder / "canary.yaml").is_file()), None)
    if found is None:
        raise ConfigurationError(
            f"the example ad-service is neither in {beside} nor in {packed}; install penstock again"
        )
    return found
