"""Perform a good and a bad release on this machine, with real parts: Envoy, gunicorn and Locust.

The good version climbs to all the traffic and is promoted; the bad one fails three checks and loses its traffic, by
itself. Whatever ends the demo, the traffic goes home first and no process stays behind.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
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
from workflows.local import ui
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
    """Say where the reports go, how long an interval is and which judge judges.

    With `ui` people may watch in a browser and decide at the gate; `report_to` is another service that shows it.
    """

    output: Path
    interval: str
    judge: str = Judge.THRESHOLD.value
    ui: bool = False
    report_to: str = ""

    @property
    def scenes(self) -> Sequence[Scene]:
        """Give the story as this judge lets it go."""
        return SCENES if self.judge == Judge.THRESHOLD.value else SCENES_BY_EVIDENCE


def main(argv: Sequence[str]) -> int:
    """Perform the story; 0 when both releases went as it says."""
    arguments = make_parser().parse_args(list(argv))
    wishes = Wishes(arguments.output, arguments.interval, arguments.judge, arguments.ui, arguments.report_to)
    write_json(wishes.output / "report.json", [])
    with interruptible(), ExitStack() as afterwards:
        reports, url = perform(wishes, afterwards)
        _write(wishes, reports)
        if wishes.ui and sys.stdout.isatty():
            ui.stay(url)
    differences = [
        line for scene, report in zip(wishes.scenes, reports, strict=True) for line in find_differences(scene, report)
    ]
    sys.stdout.write("".join(f"not as the story says: {line}\n" for line in differences))
    return ExitCode.FAILED if differences else ExitCode.PROMOTED


def _write(wishes: Wishes, reports: Sequence[ReleaseReport]) -> None:
    write_json(wishes.output / "report.json", reports)
    write_text(wishes.output / "report.html", html.render(reports))
    sys.stdout.write(f"\n{tabulate(reports)}\n\n{wishes.output / 'report.html'}\n{wishes.output / 'report.json'}\n")


def make_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser("penstock demo", description=__doc__)
    parser.add_argument(
        "--output", type=Path, default=Path("demo-report"), metavar="DIR", help="where the reports go (demo-report)"
    )
    parser.add_argument("--interval", default="5s", metavar="5s", help="how often the canary is judged (5s)")
    judges = [judge.value for judge in Judge]
    parser.add_argument("--judge", choices=judges, default=judges[0], help="what judges it (threshold)")
    parser.add_argument("--ui", action="store_true", help="show it in the browser, until Ctrl+C on a terminal")
    parser.add_argument(
        "--report-to",
        default=os.environ.get("PENSTOCK_REPORT_TO", ""),
        metavar="URL",
        help="a penstock serve whose pages show it (PENSTOCK_REPORT_TO); PENSTOCK_TOKEN is sent along",
    )
    return parser


def perform(wishes: Wishes, afterwards: ExitStack) -> tuple[list[ReleaseReport], str]:
    """Raise the platform, the webhook service and the users, and make both releases.

    The service with its pages, whose URL is given too, stays until `afterwards` is closed.
    """
    example = find_example()
    plan = with_judge(with_interval(canary.load(example / "canary.yaml"), wishes.interval), wishes.judge)
    folder = Path(afterwards.enter_context(tempfile.TemporaryDirectory(prefix="penstock-demo-")))
    console = Console()
    with ExitStack() as stack:
        view = stack.enter_context(open_view(console))
        view.event(SystemClock().now(), "starting Envoy, two replicas of ad v1 and the webhook service")
        start = local.Start(example / "deployment-v1.yaml", owned=True)
        platform = stack.enter_context(local.start(folder / "platform", start))
        order = ServiceOrder(folder / "hooks", example / "catalog.yaml", {_CANARY: platform.addresses.canary})
        service = afterwards.enter_context(HookService(order))
        if wishes.ui:
            plan = ui.with_rollback(plan)
            console.print(f"watch it at {service.url}{ui.PAGES}")
            ui.open_browser(service.url + ui.PAGES)
        troupe = _gather(wishes, platform, service, plan, view)
        users = stack.enter_context(UserTraffic(f"http://{platform.addresses.apex}/ad", USERS_PER_SECOND))
        troupe = replace(troupe, users=partial(_count, users))
        reports: list[ReleaseReport] = []
        for scene in wishes.scenes:
            platform.apply(example / scene.deployment)
            reports.append(Performance(troupe, scene, reports).perform())
    return reports, service.url


def _gather(
    wishes: Wishes, platform: local.LocalPlatform, service: HookService, plan: RolloutPlan, view: LiveView
) -> Troupe:
    source = find_example() / "canary.yaml"
    asked = wiring.Wishes(platform.directory, source, resolve={_HOOKS: service.address}, events=ViewEvents(view))
    wired = wiring.build("local", plan, asked)
    stages.initialise(Release(wired, plan, owner()))
    journal = partial(_open_journal, wishes.output, read_source(source), plan, view)
    url = wishes.report_to or (service.url if wishes.ui else "")
    reporter = partial(ui.make_reporter, url, plan, view)
    patience = ui.PATIENCE if wishes.ui else timedelta()
    return Troupe(wired, plan, service, UserCounts, view, wishes.scenes, journal, reporter, patience)


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
