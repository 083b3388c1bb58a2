"""Whoever runs a release decides the same: `penstock run`, Argo Workflows and Tekton, on the same recorded metrics."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import mesh
from tests.cluster.argo_engine import ArgoEngine
from tests.cluster.releases import Stage, canary
from tests.cluster.tekton_engine import TektonEngine
from webhooks.protocol import HookType
from workflows import canary as canaries
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import CANARY
from workflows.journal import reader
from workflows.manifests import argo, tekton

TAPES = {
    "promoted": {30: [97.5, 99.9], 60: [99.2]},
    "rolled back": {30: [99.9], 60: [90.25, 95.0, 91.5]},
}
METRICS = [{"name": "score", "query": "score", "interval": "1m", "thresholdRange": {"min": 99}}]
ANALYSIS = {"interval": "10s", "threshold": 3, "stepWeight": 30, "maxWeight": 60, "metrics": METRICS}
ABSENT: dict[str, Any] = dict.fromkeys(("stepWeight", "maxWeight"))
ITERATING = {key: value for key, value in ANALYSIS.items() if "Weight" not in key} | {"iterations": 2}
MATCH = [{"headers": {"x-insider": {"exact": "yes"}}}]
COURSES: dict[str, tuple[dict[str, Any], dict[int, list[float]]]] = {
    "analysis skipped": ({"analysis": ANALYSIS, "skipAnalysis": True}, {}),
    "mirrored first": ({"analysis": {**ANALYSIS, "mirror": True}}, {0: [97.5, 99.9], 30: [99.9], 60: [99.2]}),
    "A/B testing": ({"analysis": {**ITERATING, "match": MATCH}}, {100: [97.5, 99.9, 99.2]}),
    "blue/green": ({"analysis": ITERATING}, {0: [97.5, 99.9, 99.2], 100: [97.5, 99.9]}),
}


# Which hooks people answer, what they say one after the other (the last stays), and what is recorded meanwhile.
QUESTIONS: dict[str, tuple[HookType, list[int], dict[int, list[float]]]] = {
    "more traffic is confirmed late": (
        HookType.CONFIRM_TRAFFIC_INCREASE,
        [403, 200, 403, 200],
        {30: [99.9, 99.8], 60: [99.2]},
    ),
    "bad while the promotion waits": (HookType.CONFIRM_PROMOTION, [403], {30: [99.9], 60: [99.2, 90.25, 95.0, 91.5]}),
}


class Tape:
    """Answers one query with what was recorded at each weight, one value after the other."""

    def __init__(self, cluster: Cluster, recorded: dict[int, list[float]]) -> None:
        self._cluster = cluster
        self._left = {weight: list(values) for weight, values in recorded.items()}
        self.url = ""

    def answer(self, query: str) -> list[dict[str, Any]]:
        if query != "score":
            return []
        value = self._left[mesh.weights(self._cluster)["ad"]].pop(0)
        return [{"metric": {}, "value": [0, str(value)]}]


def by_run(stage: Stage, folder: Path, tail: list[str]) -> object:
    _ = folder
    return stage.run(*tail)


def by_argo(stage: Stage, folder: Path, tail: list[str]) -> object:
    template = yaml.safe_load(str(argo.write_argo(_plan(stage))[0]))
    return ArgoEngine(template, folder, [*stage.where()[2:], *tail], {"prometheus": stage.prometheus}).run()


def by_tekton(stage: Stage, folder: Path, tail: list[str]) -> object:
    documents = [yaml.safe_load(str(each)) for each in tekton.write_tekton(_plan(stage))]
    tasks = {each["metadata"]["name"]: each for each in documents if each["kind"] == "Task"}
    (pipeline,) = (each for each in documents if each["kind"] == "Pipeline")
    where = [*stage.where()[2:], *tail]
    return TektonEngine(tasks, pipeline, folder, where, {"prometheus": stage.prometheus}).run()


def _plan(stage: Stage) -> Any:
    found = stage.cluster.get(CANARY, "test", "ad")
    assert found
    return canaries.parse(yaml.safe_dump(canary(**found["spec"])), "canary")


WAYS: dict[str, Callable[[Stage, Path, list[str]], object]] = {
    "run": by_run,
    "Argo Workflows": by_argo,
    "Tekton": by_tekton,
}


def decisions(journal: Path) -> list[tuple[object, ...]]:
    """List what was judged, at which weight, by which numbers, and what came of it."""
    found = reader.read(journal)
    assert found.fault is None
    return [
        (
            planned.tick.before.weight,
            planned.tick.decision.verdict,
            [(check.name, check.value, check.verdict, check.reason) for check in planned.tick.decision.checks],
            planned.tick.decision.state.failed_checks,
            planned.tick.decision.state.cause,
            planned.tick.decision.state.reason,
        )
        for planned in found.ticks()
        if planned.tick.decision.checks
    ]


@contextmanager
def answering(said: list[int]) -> Iterator[str]:
    """Answer hooks on loopback with one status after the other; the last stays."""
    left = list(said)

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(left.pop(0) if len(left) > 1 else left[0])
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join(10)


def release_every_way(
    stage: Stage, folder: Path, recorded: dict[int, list[float]], asked: tuple[HookType, list[int]] | None = None
) -> dict[str, tuple[Any, ...]]:
    """Release a version by each way on the same metrics, and give what each decided and how it ended."""
    taken = {}
    for version, (name, release) in enumerate(WAYS.items(), 2):
        journal = folder / f"{version}.journal.jsonl"
        said = asked[1] if asked else [200]
        with mesh.serving(Tape(stage.cluster, recorded)) as served, answering(said) as url:
            hooks = [{"name": "people", "type": asked[0].value, "url": url}] if asked else []
            stage.cluster.patch(CANARY, "test", "ad", {"spec": {"analysis": {"webhooks": hooks}}})
            taped = Stage(stage.cluster, stage.kubeconfig, served.url)
            taped.set_image(f"v{version}")
            release(taped, folder, ["--interval", "50ms", "--journal", str(journal)])
        taken[name] = decisions(journal), stage.status()["phase"], stage.home()
    return taken


@pytest.mark.parametrize("end", TAPES)
def test_every_way_takes_the_same_decisions_on_the_same_metrics(stage: Stage, tmp_path: Path, end: str) -> None:
    stage.cluster.patch(CANARY, "test", "ad", {"spec": {"analysis": ANALYSIS}})

    taken = release_every_way(stage, tmp_path, TAPES[end])

    assert taken["run"] == taken["Argo Workflows"] == taken["Tekton"]
    judged, phase, home = taken["run"]
    assert [decision[0] for decision in judged] == [weight for weight, values in TAPES[end].items() for _ in values]
    assert (phase, home) == ({"promoted": "Succeeded", "rolled back": "Failed"}[end], True)


@pytest.mark.parametrize("course", COURSES)
def test_every_way_judges_where_the_others_do_whatever_moves_the_traffic(
    stage: Stage, tmp_path: Path, course: str
) -> None:
    spec, recorded = COURSES[course]
    stage.cluster.patch(CANARY, "test", "ad", {"spec": {**spec, "analysis": ABSENT | spec["analysis"]}})

    taken = release_every_way(stage, tmp_path, recorded)

    assert taken["run"] == taken["Argo Workflows"] == taken["Tekton"]
    judged, phase, home = taken["run"]
    assert [decision[0] for decision in judged] == [weight for weight, values in recorded.items() for _ in values]
    assert (phase, home) == ("Succeeded", True)


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_way_judges_alike_while_people_are_asked(stage: Stage, tmp_path: Path, question: str) -> None:
    hook_type, said, recorded = QUESTIONS[question]
    stage.cluster.patch(CANARY, "test", "ad", {"spec": {"analysis": ANALYSIS}})

    taken = release_every_way(stage, tmp_path, recorded, (hook_type, said))

    # A pipeline asks for its promotion in a tick of its own: what the judged one said it waits for is not compared.
    told = {name: ([decision[:-1] for decision in judged], *end) for name, (judged, *end) in taken.items()}
    assert told["run"] == told["Argo Workflows"] == told["Tekton"]
    judged, phase, home = told["run"]
    assert [decision[0] for decision in judged] == [weight for weight, values in recorded.items() for _ in values]
    assert (phase, home) == ("Succeeded" if len(said) > 1 else "Failed", True)
