import json
import random
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from load_commands import call, load, run_json
from load_samples import report_of
from load_sites import OpenSite

from loadtester.cluster import ClusterRun, ClusterSettings, manifests
from loadtester.errors import EngineError, PlanError
from loadtester.plan import LoadPlan
from loadtester.rendering import (
    RENDERERS,
    render_html,
    render_junit,
    render_locust_json,
    render_markdown,
    render_openmetrics,
)
from loadtester.rendering.console import progress_line, progress_lines
from loadtester.report import ErrorCount, Histogram, LoadReport, NameReport, Timeline
from loadtester.verdict import LoadOutcome, compare, judge, parse_threshold

EVIL = '<script>"|&\n'


def document_of_run() -> dict[str, Any]:
    errors = (ErrorCount("/ad", "status 500", EVIL, 1),)
    report = report_of(1000, 2000, 900_000, failures=1, name="/ad", errors=errors, elapsed_s=2.0)
    report = report.merge(report_of(5, name=EVIL))
    timeline = Timeline()
    timeline.add(replace(LoadReport(), elapsed_s=1.0))
    timeline.add(report)
    thresholds = [
        parse_threshold(text) for text in ("http_req_failed: rate<0.1", "http_reqs: count>1", "checks: rate>0.9")
    ]
    return {
        "schema": "penstock.load-run/1",
        "started_at": 1_700_000_000.0,
        "ending": "complete",
        "plan": {"target": "http://ad", "requests": [{"path": "/ad", "method": "GET", "name": ""}]},
        "verdict": judge(thresholds, report).to_dict(),
        "comparison": [item.to_dict() for item in compare(report, report)],
        "report": report.to_dict(),
        "timeline": [slot.to_dict() for slot in timeline.slots],
    }


def test_the_html_report_is_one_file_that_runs_no_script() -> None:
    page = render_html(document_of_run())

    assert page.count("<svg") == 4
    assert "<script" not in page
    assert "src=" not in page


def test_an_empty_run_has_reports_too() -> None:
    document = document_of_run() | {"report": LoadReport().to_dict(), "timeline": [], "comparison": []}

    assert all(render(document) for render in RENDERERS.values())


def test_junit_has_one_case_for_each_threshold_and_measure() -> None:
    suite = ET.fromstring(render_junit(document_of_run()))[0]  # noqa: S314 - our own text

    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("8", "2", "1")


def test_markdown_keeps_its_table_whatever_a_name_holds() -> None:
    rows = [line for line in render_markdown(document_of_run()).splitlines() if line.startswith("|")]

    assert "FAILED" in render_markdown(document_of_run())
    assert {row.replace("\\|", "").count("|") for row in rows[:4]} == {7}


def test_openmetrics_counts_up_to_the_whole() -> None:
    text = render_openmetrics(document_of_run())

    assert 'penstock_load_duration_seconds_bucket{name="/ad",le="+Inf"} 3' in text
    assert 'penstock_load_duration_seconds_bucket{name="/ad",le="0.0025"} 2' in text
    assert 'penstock_load_verdict{penstock_load_verdict="failed"} 1' in text
    assert text.endswith("# EOF\n")


def test_the_locust_report_has_locusts_fields() -> None:
    entry = json.loads(render_locust_json(document_of_run()))[0]

    assert (entry["name"], entry["method"], entry["num_requests"], entry["num_failures"]) == ("/ad", "GET", 3, 1)
    assert entry["response_times"]["1"] == 1


def test_the_console_shows_progress_rate_errors_and_health() -> None:
    report = report_of(1000, failures=1, elapsed_s=5.0)

    lines = "\n".join(progress_lines(report, report, 10.0))

    assert "[###############               ]" in lines
    assert "failed 100.00%" in lines
    assert "failed -" in progress_line(LoadReport(), LoadReport())


def test_a_runs_document_makes_its_reports_again(site: OpenSite, tmp_path: Path) -> None:
    run_json(tmp_path, "--target", site().url, "--duration", "500ms", "--report", tmp_path / "one")

    call("report", tmp_path / "run.json", "--report", tmp_path / "two")

    names = {"report.json", *RENDERERS}
    assert {path.name for path in (tmp_path / "two").iterdir()} == names
    assert (tmp_path / "one" / "report.html").read_text() == (tmp_path / "two" / "report.html").read_text()


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"schema": "penstock.load-run/1"}'])
def test_what_is_no_document_makes_no_report(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)

    assert "x.json" in call("report", tmp_path / "x.json", "--report", tmp_path / "out", expect=104)


def test_the_schema_is_printed() -> None:
    assert json.loads(call("schema"))["required"] == ["target"]


def arm_of(failed: int, latencies_us: list[int]) -> LoadReport:
    histogram = Histogram.of(latencies_us)
    return LoadReport(names={"/": NameReport(histogram, histogram, failures=failed)})


def latencies(seed: int, factor: float) -> list[int]:
    chance = random.Random(seed)
    return [int(chance.lognormvariate(9, 0.3) * factor) for _ in range(3000)]


@pytest.mark.parametrize(
    ("failed", "factor", "outcomes"),
    [
        (0, 1.0, {"passed"}),
        (300, 1.0, {"failed", "passed"}),
        (0, 1.5, {"passed", "failed"}),
        (37, 1.0, {"inconclusive", "passed"}),
    ],
)
def test_a_canary_is_worse_only_when_its_whole_interval_is(failed: int, factor: float, outcomes: set[str]) -> None:
    differences = compare(arm_of(failed, latencies(1, factor)), arm_of(0, latencies(2, 1.0)))

    assert {item.outcome.value for item in differences} == outcomes
    assert all(item.difference.low <= item.difference.value <= item.difference.high for item in differences)


def test_an_arm_without_requests_cannot_be_compared() -> None:
    assert compare(LoadReport(), arm_of(0, [1])) == ()


def test_few_samples_have_a_wide_interval() -> None:
    few = compare(arm_of(0, [1000] * 9), arm_of(0, [1000] * 9))[3]

    assert few.difference.high > 0.5
    assert "tolerated" in few.reason


def test_compare_runs_one_plan_against_both_at_once(site: OpenSite, tmp_path: Path) -> None:
    bad = site(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
    good = site()
    command = ["compare", "--target", good.url, "--primary", bad.url, "--rate", 50, "--duration", "1s"]
    command += ["--latency-tolerance", "1000"]

    assert load(*command, "--json", tmp_path / "a.json").startswith("passed")
    comparison = json.loads((tmp_path / "a.json").read_text())["comparison"]
    assert (comparison[0]["canary"], comparison[0]["primary"]) == (0, 1)
    assert len(good.requests) == len(bad.requests) == 50


def test_compare_fails_a_canary_that_is_worse_than_its_primary(site: OpenSite) -> None:
    bad = site(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
    lenient = ["--threshold", "http_req_failed: rate<=1", "--users", 2, "--duration", "500ms"]

    printed = load("compare", "--target", bad.url, "--primary", site().url, *lenient, expect=99)

    assert "error share: canary 1, primary 0" in printed
    assert "compare_with: is missing" in call("compare", "--target", bad.url, expect=104)


SETTINGS = ClusterSettings("load-1", "shop", "registry.example/penstock:1", 3)


def test_the_manifests_are_restricted_bounded_and_never_retried() -> None:
    items = manifests(LoadPlan("http://ad", duration_s=60), SETTINGS)

    jobs = [item["spec"] for item in items if item["kind"] == "Job"]
    assert [item["kind"] for item in items] == ["Job", "ConfigMap", "Service", "NetworkPolicy", "Job"]
    assert [(job["backoffLimit"], job["parallelism"], job["activeDeadlineSeconds"]) for job in jobs] == [
        (0, 1, 245),
        (0, 3, 245),
    ]
    for job in jobs:
        pod = job["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert not pod["automountServiceAccountToken"]


def test_rendered_manifests_are_the_same_as_those_created() -> None:
    printed = call("render", "--target", "http://ad", "--name", "load-1", "--workers", 3)

    assert next(item["kind"] for item in yaml.safe_load_all(printed)) == "Job"
    assert "--name: 'Load_1' is not a Kubernetes name" in call(
        "render", "--target", "http://ad", "--name", "Load_1", expect=104
    )


@pytest.mark.parametrize(
    ("duration", "at_most", "said"),
    [
        ("5m1s", "5m", "duration: 301s is longer than 5m"),
        ("1s", "soon", "--at-most: 'soon' is not a duration"),
    ],
)
def test_a_load_that_is_too_long_is_refused(duration: str, at_most: str, said: str) -> None:
    words = "render", "--target", "http://ad", "--duration", duration, "--at-most"

    assert said in call(*words, at_most, expect=104)
    assert all("Job" in call(*words, enough) for enough in ("1h", ""))


def test_a_locustfile_travels_with_the_plan(tmp_path: Path) -> None:
    (tmp_path / "users.py").write_text("x = 1\n")
    plan = replace(LoadPlan("http://ad"), **_closed(str(tmp_path / "users.py")))

    data = manifests(plan, SETTINGS)[1]["data"]

    assert data["locustfile.py"] == "x = 1\n"
    assert json.loads(data["plan.json"])["locustfile"] == "locustfile.py"
    with pytest.raises(PlanError, match="cannot be read"):
        manifests(replace(plan, locustfile="gone.py"), SETTINGS)


def _closed(locustfile: str) -> dict[str, Any]:
    from loadtester.plan import Mode  # noqa: PLC0415 - only here

    return {"mode": Mode.CLOSED, "locustfile": locustfile}


def test_a_cluster_run_needs_a_worker() -> None:
    with pytest.raises(PlanError, match="--workers"):
        replace(SETTINGS, workers=0)


class MemoryCluster:
    """Keep what is created, and answer with a log."""

    def __init__(self, log: list[bytes], refuse: str = "") -> None:
        self.log = log
        self.refuse = refuse
        self.objects: dict[str, dict[str, Any]] = {}

    def create(self, manifest: dict[str, Any]) -> str:
        if manifest["kind"] == self.refuse:
            raise EngineError("refused")
        self.objects[f"{manifest['kind']}/{manifest['metadata']['name']}"] = manifest
        return "uid-1"

    def follow_log(self, job: str, namespace: str, deadline_s: float) -> Iterator[bytes]:
        assert (job, namespace) == ("load-1", "shop")
        assert deadline_s > 60
        yield from self.log

    def delete_job(self, job: str, namespace: str) -> None:
        assert namespace == "shop"
        self.objects = {key: item for key, item in self.objects.items() if not _belongs(key, item, job)}


def _belongs(key: str, item: dict[str, Any], job: str) -> bool:
    owners = item["metadata"].get("ownerReferences", [])
    return key == f"Job/{job}" or any(owner["name"] == job and owner["uid"] == "uid-1" for owner in owners)


END = json.dumps({"kind": "end", "report": {}, "verdict": {}}).encode()


def test_a_cluster_run_follows_the_masters_lines_and_leaves_nothing() -> None:
    api = MemoryCluster([b"a warning", b'{"kind": "tick"}', END, b'{"kind": "tick"}'])

    with ClusterRun(api, LoadPlan("http://ad", duration_s=60), SETTINGS) as owned:
        assert len(api.objects) == 5
        kinds = [line["kind"] for line in owned.lines()]

    assert kinds == ["tick", "end"]
    assert api.objects == {}


def test_a_cluster_run_without_a_verdict_is_an_error() -> None:
    owned = ClusterRun(MemoryCluster([b"oops"]), LoadPlan("http://ad", duration_s=60), SETTINGS)

    with pytest.raises(EngineError, match="without a verdict"), owned:
        list(owned.lines())


def test_a_cluster_that_refuses_half_way_keeps_nothing() -> None:
    api = MemoryCluster([], refuse="NetworkPolicy")

    with pytest.raises(EngineError, match="refused"), ClusterRun(api, LoadPlan("http://ad"), SETTINGS):
        pass

    assert api.objects == {}


def test_every_outcome_has_a_word() -> None:
    assert {outcome.value for outcome in LoadOutcome} == {"passed", "failed", "inconclusive"}
