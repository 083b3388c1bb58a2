"""Write the AnalysisTemplates by which Argo Rollouts asks our service for the verdict on a canary.

The web form asks again and again beside a release, and what is inconclusive pauses it; the Job form waits for one
verdict in a step of its own, and what is inconclusive fails. The rule to keep: a plan brings no text that the engine
would take for one of its tags; all of it are names and numbers.
"""

import argparse
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from workflows.canary import durations
from workflows.canary.loads import GATEWAYS
from workflows.errors import ConfigurationError, ExitCode
from workflows.manifests import names, server
from workflows.manifests.document import Document
from workflows.manifests.pipeline import IMAGE, USER
from workflows.rollout.plan import Check, Judge, Reference, RolloutPlan, Strategy

BY_NAMES = GATEWAYS | {"kuma"}
"""The providers that tell the arms by the names of their services, for want of pods."""

_API = "argoproj.io/v1alpha1"
_SHORTEST, _LONGEST = timedelta(minutes=1), timedelta(hours=6)
_EVIDENCE = timedelta(minutes=5)
_PATIENCE = timedelta(minutes=6)
"""How long the evidence judge may be undecided at one weight."""

_HOUR_S = 3600
_ERRORS_IN_A_ROW = 4
_FOLDER, _FILE = "/etc/penstock", "canary.yaml"
_SECRET_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_HASHES = ("primary-hash", "canary-hash")
_FINAL = (ExitCode.ROLLED_BACK, ExitCode.INCONCLUSIVE, ExitCode.CONFIGURATION)


@dataclass(frozen=True, slots=True)
class Asking:
    """Say how the service is asked: where, for which window, as whom (the Secret with a token), by which image."""

    server: str
    window: timedelta
    secret: str = ""
    image: str = IMAGE


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this kind."""
    server.add_option(parser)
    parser.add_argument(
        "--window", metavar="5m", help="how far back each verdict looks (by evidence 5m, else interval)"
    )
    parser.add_argument("--secret", default="", metavar="NAME", help="the Secret whose key token the service asks for")
    parser.add_argument("--image", default=IMAGE, metavar="IMAGE", help=f"of the Job form ({IMAGE})")


def render(plan: RolloutPlan, arguments: argparse.Namespace) -> tuple[Document, ...]:
    """Write what `penstock render rollouts` was asked for."""
    if arguments.secret and not _SECRET_NAME.fullmatch(arguments.secret):
        raise ConfigurationError(f"--secret: {arguments.secret!r} is not the name of a Secret")
    names.check_image(arguments.image)
    window = _choose_window(plan, arguments.window)
    return write_rollouts(plan, Asking(server.read(plan, arguments.server), window, arguments.secret, arguments.image))


def _choose_window(plan: RolloutPlan, text: str | None) -> timedelta:
    if text is None:
        return _EVIDENCE if plan.judge.mode else max(_SHORTEST, min(_LONGEST, plan.analysis.interval))
    try:
        window = durations.parse(text)
    except durations.DurationError as error:
        raise ConfigurationError(f"--window: {text!r} {error}") from error
    if not timedelta(seconds=10) <= window <= _LONGEST or window.microseconds:
        raise ConfigurationError(f"--window: {text!r} is not whole seconds within 10s to 6h")
    return window


def write_rollouts(plan: RolloutPlan, asking: Asking) -> tuple[Document, ...]:
    """Write both forms, and the Canary that the Job form reads."""
    names.check(plan)
    _refuse(plan)
    spec, left_out = _write_spec(plan), _tell_left_out(plan)
    secret = {"name": asking.secret, "key": "token"}
    token = ({"name": "token", "valueFrom": {"secretKeyRef": secret}},) if asking.secret else ()
    web = _template(plan, f"penstock-{plan.name}", _write_web(plan, asking, spec), token)
    step = f"penstock-{plan.name}-step"
    job = _template(plan, step, _write_job(plan, asking, step))
    return (
        Document("web.yaml", (web,), _WEB + left_out),
        Document("job.yaml", (_canary(plan, step, spec), job), _JOB + left_out),
    )


def _refuse(plan: RolloutPlan) -> None:
    if plan.provider == "knative":
        raise ConfigurationError(
            "spec.provider: knative has no Argo Rollouts; its releases are those of `penstock run`"
        )
    if plan.judge is Judge.THRESHOLD and not _judged(plan):
        raise ConfigurationError(
            "spec.analysis.metrics: has no request-success-rate and no request-duration, so there is no limit to judge "
            "by; add one, or the annotation penstock.dev/judge: evidence"
        )


def _judged(plan: RolloutPlan) -> tuple[Check, ...]:
    # The service takes a query from nobody who sends it a spec.
    return tuple(check for check in plan.analysis.checks if check.built_in)


def _tell_left_out(plan: RolloutPlan) -> str:
    own = [check.name for check in plan.analysis.checks if not check.built_in]
    if not own:
        return ""
    return (
        f"\nLeft out, for they ask queries of their own: {', '.join(own)}.\n"
        "Give each to Argo Rollouts as a metric with the provider prometheus."
    )


_WEB = """Argo Rollouts asks for the verdict beside a release: name this template in strategy.canary.analysis, and give
its args primary-hash (podTemplateHashValue: Stable) and canary-hash (Latest), where it has them.
A canary that does harm aborts the rollout, and so does a service that is away five times in a row; one that cannot be
judged pauses it."""
_JOB = """Argo Rollouts waits for one verdict in a step of its own, by a Job. What stays inconclusive fails, since a Job
knows no third word: where a person is to decide, use the web form."""


def _template(
    plan: RolloutPlan, name: str, metric: Mapping[str, Any], more: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    hashes = () if plan.provider in BY_NAMES else tuple({"name": each} for each in _HASHES)
    arguments = [*hashes, *more]
    return {
        "apiVersion": _API,
        "kind": "AnalysisTemplate",
        "metadata": {"name": name, "namespace": plan.namespace},
        "spec": {**({"args": arguments} if arguments else {}), "metrics": [metric]},
    }


def _write_web(plan: RolloutPlan, asking: Asking, spec: Mapping[str, Any]) -> dict[str, Any]:
    judged = {"judge": plan.judge.value} if plan.judge.mode else {}
    by_evidence = bool(plan.judge.mode)
    interval = max(timedelta(seconds=1), plan.analysis.interval)
    token = {"key": "Authorization", "value": "Bearer {{args.token}}"}
    return {
        "name": "verdict",
        "initialDelay": _write(asking.window),
        "interval": _write(interval),
        "successCondition": "result.ok == true",
        "failureCondition": 'result.verdict == "failed"',
        # Flagger's threshold is the failed check that rolls back, Argo Rollouts' limit the last that does not.
        "failureLimit": 0 if by_evidence else max(0, plan.analysis.threshold - 1),
        "inconclusiveLimit": math.ceil(_PATIENCE / interval) if by_evidence else max(1, plan.analysis.threshold - 1),
        "consecutiveErrorLimit": _ERRORS_IN_A_ROW,
        "provider": {
            "web": {
                "method": "POST",
                "url": f"{asking.server}/api/v1/verdict?canary={plan.key}",
                "timeoutSeconds": 60,
                **({"headers": [token]} if asking.secret else {}),
                "jsonPath": "{$}",
                "jsonBody": {"window": _write(asking.window), **judged, **_write_hashes(plan), "spec": spec},
            }
        },
    }


def _write_hashes(plan: RolloutPlan) -> dict[str, str]:
    if plan.provider in BY_NAMES:
        return {}
    return {"primaryHash": "{{args.primary-hash}}", "canaryHash": "{{args.canary-hash}}"}


def _write_spec(plan: RolloutPlan) -> dict[str, Any]:
    """Write what of a Canary's spec says whose metrics are judged, and by which limits."""
    analysis = plan.analysis
    steps: dict[str, Any] = (
        {"stepWeights": list(analysis.weights)}
        if plan.strategy is Strategy.CANARY
        else {"iterations": analysis.iterations}
    )
    return {
        **({"provider": plan.provider} if plan.provider else {}),
        "targetRef": _write_reference(plan.target),
        **{name: _write_reference(each) for name, each in plan.references.items()},
        "service": {"name": plan.service.name, "port": plan.service.port},
        "analysis": {
            "interval": _write(analysis.interval),
            "threshold": analysis.threshold,
            **steps,
            "metrics": [_write_check(check) for check in _judged(plan)],
        },
    }


def _write_reference(reference: Reference) -> dict[str, str]:
    return {"apiVersion": reference.api_version, "kind": reference.kind, "name": reference.name}


def _write_check(check: Check) -> dict[str, Any]:
    bounds = {"min": check.limits.minimum, "max": check.limits.maximum}
    limits = {name: bound for name, bound in bounds.items() if bound is not None}
    return {"name": check.name, "thresholdRange": limits, "interval": _write(check.interval)}


def _write(duration: timedelta) -> str:
    milliseconds = round(duration.total_seconds() * 1000)
    return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"


def _canary(plan: RolloutPlan, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    annotations = {"annotations": {"penstock.dev/judge": plan.judge.value}} if plan.judge.mode else {}
    document = {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": plan.name, "namespace": plan.namespace, **annotations},
        "spec": spec,
    }
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": plan.namespace},
        # JSON is YAML, and no text of it can break out of a line.
        "data": {_FILE: json.dumps(document, indent=2) + "\n"},
    }


def _write_job(plan: RolloutPlan, asking: Asking, config: str) -> dict[str, Any]:
    rule = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [int(each) for each in _FINAL]}}
    return {
        "name": "verdict",
        "failureLimit": 0,
        "provider": {
            "job": {
                "spec": {
                    "backoffLimit": 3,
                    "activeDeadlineSeconds": _HOUR_S,
                    "ttlSecondsAfterFinished": _HOUR_S,
                    "podFailurePolicy": {"rules": [rule]},
                    "template": {"spec": _write_pod(plan, asking, config)},
                }
            }
        },
    }


def _write_pod(plan: RolloutPlan, asking: Asking, config: str) -> dict[str, Any]:
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": USER, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "canary", "configMap": {"name": config}}],
        "containers": [_write_container(plan, asking)],
    }


def _write_container(plan: RolloutPlan, asking: Asking) -> dict[str, Any]:
    words = ["verdict", f"{_FOLDER}/{_FILE}", "--server", asking.server, "--window", _write(asking.window)]
    words += ["--wait", _write(max(2 * asking.window, timedelta(minutes=10)))]
    if plan.judge.mode:
        words += ["--judge", plan.judge.value]
    if plan.provider not in BY_NAMES:
        words += [word for each in _HASHES for word in (f"--{each}", f"{{{{args.{each}}}}}")]
    secret = {"name": asking.secret, "key": "token"}
    token = [{"name": "PENSTOCK_TOKEN", "valueFrom": {"secretKeyRef": secret}}] if asking.secret else []
    return {
        "name": "verdict",
        "image": asking.image,
        "command": ["penstock"],
        "args": words,
        **({"env": token} if token else {}),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "resources": {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "256Mi"}},
        "volumeMounts": [{"name": "canary", "mountPath": _FOLDER, "readOnly": True}],
    }
