import json
import os
import subprocess
from pathlib import Path

from load_commands import LOAD
from load_samples import report_of
from load_sites import OpenSite

VERDICT = {"outcome": "failed", "reasons": ["http_req_failed rate = 1"], "thresholds": []}
TICK = {"kind": "tick", "report": report_of(1000, elapsed_s=1.0).to_dict()}
END = {"kind": "end", "report": report_of(1000, failures=1, elapsed_s=2.0).to_dict(), "verdict": VERDICT}


def api_answer(request: bytes) -> bytes:
    method, path = request.decode().split()[:2]
    if method == "GET" and "/log" in path:
        body = "".join(json.dumps(line) + "\n" for line in (TICK, END))
    elif method == "GET":
        pod = {"metadata": {"name": "load-1-abc"}, "status": {"phase": "Running"}}
        body = json.dumps({"kind": "PodList", "apiVersion": "v1", "items": [pod]})
    else:
        body = json.dumps({"metadata": {"name": "load-1", "uid": "uid-1"}})
    kind = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    return kind + b"Content-Length: %d\r\n\r\n" % len(body) + body.encode()


def in_cluster(tmp_path: Path, server: str, *more: str) -> "subprocess.CompletedProcess[str]":
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    command = [*LOAD, "run", "--target", "http://ad", "--workers", "2", "--in-cluster", "--name", "load-1", *more]
    environment = os.environ | {"KUBECONFIG": str(tmp_path / "kubeconfig")}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_run_in_a_cluster_exits_with_its_masters_verdict_and_deletes_its_job(site: OpenSite, tmp_path: Path) -> None:
    api = site(api_answer)

    done = in_cluster(tmp_path, api.url, "--json", str(tmp_path / "end.json"))

    calls = [request.decode().split()[:2] for request in api.requests]
    assert (done.returncode, done.stdout) == (99, "failed: http_req_failed rate = 1\n"), done.stderr
    assert [method for method, _ in calls] == ["POST"] * 5 + ["GET", "GET", "DELETE"]
    assert calls[-1][1].startswith("/apis/batch/v1/namespaces/default/jobs/load-1")
    assert json.loads((tmp_path / "end.json").read_text()) == END


def test_live_lines_of_a_cluster_are_passed_on(site: OpenSite, tmp_path: Path) -> None:
    done = in_cluster(tmp_path, site(api_answer).url, "--live")

    assert [json.loads(line) for line in done.stdout.splitlines()] == [TICK, END], done.stderr


def test_a_cluster_that_refuses_is_told_in_one_line(site: OpenSite, tmp_path: Path) -> None:
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"

    done = in_cluster(tmp_path, site(refusal).url)

    assert (done.returncode, done.stderr) == (98, "cluster: create Job load-1: 403 Forbidden\n")


def test_without_a_cluster_the_error_says_what_is_missing(tmp_path: Path) -> None:
    environment = os.environ | {"KUBECONFIG": str(tmp_path / "gone")}
    command = [*LOAD, "run", "--target", "http://ad", "--in-cluster"]

    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 98
    assert "cluster: no configuration" in done.stderr
