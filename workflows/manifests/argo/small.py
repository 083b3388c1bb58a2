"""Write the small templates that a release uses too: a load test and an approval."""

from typing import Any

from workflows.manifests.argo.pod import SHOWN, image_parameter, parameter, write_pod


def write_approval() -> dict[str, Any]:
    """Write a stop at which somebody says YES; nobody's answer within the duration is a NO."""
    words = "YES promotes, NO rolls back; nobody's answer within the duration is a NO"
    asked = {**parameter("approve", words, "NO", enum=["YES", "NO"]), "default": "NO"}
    return {
        "name": "approval",
        "inputs": {"parameters": [asked, parameter("duration", "how long is waited for an answer", "12h")]},
        "suspend": {"duration": "{{inputs.parameters.duration}}"},
        "outputs": {"parameters": [{"name": "approve", "valueFrom": {"supplied": {}, "default": "NO"}}]},
    }


def write_load_test(account: str = "") -> dict[str, Any]:
    """Write a load test whose verdict is the exit code; a release names its nodes, and its account.

    Who makes load needs no right of a release, and may run what a team wrote.
    """
    own = {"annotations": dict(SHOWN), "serviceAccountName": account} if account else {}
    inputs = [
        parameter("target", "the URL that gets the load"),
        parameter("rate", "requests a second", "10"),
        parameter("duration", "how long", "1m"),
        parameter("threshold", "what must hold", "http_req_failed: rate<0.05"),
        image_parameter(),
        parameter("at-most", "refuse a load that lasts longer; empty for any", ""),
        parameter("mode", "run makes the load, render only reads what is asked for", "run", enum=["run", "render"]),
        *([{"name": "shown"}] if account else []),
    ]
    arguments = ["load", "{{inputs.parameters.mode}}"]
    for option in ("target", "rate", "duration", "threshold", "at-most"):
        arguments += [f"--{option}", f"{{{{inputs.parameters.{option}}}}}"]
    return {
        "name": "load-test",
        **own,
        "inputs": {"parameters": inputs},
        **write_pod("{{inputs.parameters.image}}", arguments, {"memory": "512Mi"}),
    }
