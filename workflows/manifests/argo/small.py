"""Write the small templates that a release uses too: a load test and an approval."""

from typing import Any

from workflows.manifests.argo.pod import image_parameter, parameter, write_pod


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


def write_load_test() -> dict[str, Any]:
    """Write a load test whose verdict is the exit code."""
    inputs = [
        parameter("target", "the URL that gets the load"),
        parameter("rate", "requests a second", "10"),
        parameter("duration", "how long", "1m"),
        parameter("threshold", "what must hold", "http_req_failed: rate<0.05"),
        image_parameter(),
        parameter("mode", "run makes the load, render only reads what is asked for", "run", enum=["run", "render"]),
        parameter("shown", "what the node is called", "load test"),
    ]
    arguments = ["load", "{{inputs.parameters.mode}}"]
    for name in ("target", "rate", "duration", "threshold"):
        arguments += [f"--{name}", f"{{{{inputs.parameters.{name}}}}}"]
    return {
        "name": "load-test",
        "metadata": {"annotations": {"workflows.argoproj.io/display-name": "{{inputs.parameters.shown}}"}},
        "inputs": {"parameters": inputs},
        **write_pod("{{inputs.parameters.image}}", arguments, {"memory": "512Mi"}),
    }
