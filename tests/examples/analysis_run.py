"""Evaluate an AnalysisTemplate as Argo Rollouts does, as far as ours go: a web metric, its conditions, its limits.

Facts of its analysis: measurements are Successful, Failed, Inconclusive or Error; each limit is the number that is
still borne, errors count in a row; with both conditions given what neither admits is Inconclusive.
"""

import json
import re
import urllib.error
import urllib.request
from typing import Any

_CONDITION = re.compile(r'result((?:\.\w+)*) (==|>=|<=|>|<) (true|false|"[^"]*"|[0-9.]+)')
_COMPARE = {
    "==": lambda a, b: a == b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
}


def resolve(template: dict[str, Any], arguments: dict[str, str]) -> dict[str, Any]:
    """Fill in the args of the one metric; one that is missing or not declared is a fault."""
    declared = {each["name"] for each in template["spec"].get("args", [])}
    assert declared == arguments.keys()
    text = json.dumps(template["spec"]["metrics"][0])
    for name, value in arguments.items():
        text = text.replace(f"{{{{args.{name}}}}}", value)
    assert "{{" not in text
    metric: dict[str, Any] = json.loads(text)
    return metric


def measure(metric: dict[str, Any], server: str) -> str:
    """Take one measurement of a web metric; `server` takes the place of the host in its URL."""
    web = metric["provider"]["web"]
    url = server + web["url"].removeprefix("http://penstock.weather")
    headers = {"Content-Type": "application/json"} | {each["key"]: each["value"] for each in web.get("headers", [])}
    request = urllib.request.Request(url, json.dumps(web["jsonBody"]).encode(), headers, method=web["method"])  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=web["timeoutSeconds"]) as answer:  # noqa: S310 - loopback
            found = json.load(answer)
    except urllib.error.HTTPError as error:
        error.close()
        return "Error"
    assert web["jsonPath"] == "{$}"
    if evaluate(metric["failureCondition"], found):
        return "Failed"
    return "Successful" if evaluate(metric["successCondition"], found) else "Inconclusive"


def evaluate(condition: str, result: Any) -> bool:
    """Evaluate a condition that compares one field with one literal."""
    parts = _CONDITION.fullmatch(condition)
    assert parts, condition
    for name in parts[1].split(".")[1:]:
        result = result[name]
    return bool(_COMPARE[parts[2]](result, json.loads(parts[3])))


def assess(metric: dict[str, Any], measured: list[str]) -> str:
    """Say what a run has come to after some measurements: Running, or how it ended."""
    in_a_row = 0
    for one in measured:
        in_a_row = in_a_row + 1 if one == "Error" else 0
        if in_a_row > metric["consecutiveErrorLimit"]:
            return "Error"
    if measured.count("Failed") > metric["failureLimit"]:
        return "Failed"
    return "Inconclusive" if measured.count("Inconclusive") > metric["inconclusiveLimit"] else "Running"
