"""Write the Pipeline by which Tekton 1.x releases a canary: one task for each weight, one for its judgement.

The rules to keep: `finally` gets parameters and never results, since a task that fails leaves none; a task is not tried
again by the engine, which cannot tell a no from trouble.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from workflows.manifests import names
from workflows.manifests.document import Document
from workflows.manifests.pipeline import IMAGE, OUTPUTS, USER, Part, Shape, check_time
from workflows.manifests.tekton.task import LOAD_TEST, STAGE, TASK_API, VERSION, Entry, write_task
from workflows.rollout import ladder, trial
from workflows.rollout.plan import RolloutPlan, Strategy
from workflows.rollout.step import NO_MESH

Group = list[dict[str, Any]]
"""Tasks that stand side by side."""

_APPROVED_WITHIN = "12h"
_LONGEST = timedelta(hours=23)
_PARAMS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "lease": ("5m", "how long the release may wait for its next stage"),
        "on-conflict": ("fail", "fail, wait or supersede while another owner holds the release"),
        "prometheus": ("", "where metrics are asked, instead of spec.metricsServer"),
        "report-to": ("", "a penstock serve whose pages show the release; its token: Secret penstock-token"),
        "report-url": ("", "where people see the release; told as the result report"),
        "image": (IMAGE, "the image that has the penstock command"),
        "load-target": ("", "the URL that gets load while the canary is judged; empty for none"),
        "load-rate": ("10", "requests a second"),
        "load-duration": ("1m", "how long each load lasts; less than the lease"),
        "load-threshold": ("http_req_failed: rate<0.05", "what must hold for the load to pass"),
    }
)
_SHARED = ("lease", "on-conflict", "prometheus", "report-to", "report-url", "image")
_TOLD = ("verdict", "weight", "reason", "report")

# Without a new revision the release rests, and what follows is skipped.
_GOING_ON: Mapping[str, Any] = MappingProxyType(
    {"input": "$(tasks.start.results.phase)", "operator": "in", "values": ["Progressing", "WaitingPromotion"]}
)
_FOUND, _NEXT = "$(tasks.start.results.weight)", "$(tasks.start.results.next)"
_STEPPING: Mapping[str, Any] = MappingProxyType({"input": _NEXT, "operator": "notin", "values": ["promote", ""]})
_PROMOTING: Mapping[str, Any] = MappingProxyType({"input": _NEXT, "operator": "notin", "values": [""]})
_LOAD_FITS: Mapping[str, str] = MappingProxyType({"at-most": "$(params.lease)"})  # nobody renews it beside a load
_LOADING: Mapping[str, Any] = MappingProxyType({"input": "$(params.load-target)", "operator": "notin", "values": [""]})


def write_tekton(plan: RolloutPlan, shape: Shape | None = None) -> tuple[Document, ...]:
    """Write the tasks in catalog layout, the Pipeline of one canary, and a PipelineRun."""
    check_time(plan, "Tekton", _LONGEST)
    name = names.name_pipeline(plan)
    for approver in shape.approvers if shape else ():
        names.check_person("--approver", approver)
    shape = shape or Shape(parts=frozenset(Part) - {Part.APPROVAL})
    about = (
        f"Release {plan.key} by Tekton 1.13 or newer: kubectl create -f pipelinerun.yaml when the others are there.\n"
        "Cancel it with spec.status CancelledRunFinally or StoppedRunFinally, which end safe; after plain Cancelled\n"
        "or a deletion only the watchdog sends the traffic home. Its account: `penstock render rbac`."
    )
    tasks = (_write_file(entry) for entry in (STAGE, LOAD_TEST))
    pipeline = _write_pipeline(name, plan, shape)
    loads = [each["name"] for each in pipeline["spec"]["tasks"] if each["taskRef"].get("name") == LOAD_TEST.name]
    return (
        *tasks,
        Document("pipeline.yaml", (pipeline,), about),
        Document("pipelinerun.yaml", (_write_run(name, plan, loads),), "One release: it runs the pipeline to the end."),
    )


def _write_file(entry: Entry) -> Document:
    return Document(f"task/{entry.name}/{VERSION}/{entry.name}.yaml", (write_task(entry),), entry.summary)


def _write_pipeline(name: str, plan: RolloutPlan, shape: Shape) -> dict[str, Any]:
    params = [
        {"name": param, "type": "string", "default": default, "description": description}
        for param, (default, description) in _PARAMS.items()
    ]
    told = [
        {"name": each, "type": "string", "description": OUTPUTS[each], "value": f"$(finally.finish.results.{each})"}
        for each in _TOLD
    ]
    return {
        "apiVersion": TASK_API,
        "kind": "Pipeline",
        "metadata": {"name": name, "namespace": plan.namespace},
        "spec": {
            "description": f"Release {plan.key}, one task for each weight.",
            "params": params,
            "results": told,
            "tasks": _chain(list(_list_groups(plan, shape))),
            "finally": [_call(plan, "finish", "end safe", "finish", timeout="30m")],
        },
    }


def _list_groups(plan: RolloutPlan, shape: Shape) -> Iterator[Group]:
    going_on: dict[str, Any] = {"when": [dict(_GOING_ON)]}
    promoting: dict[str, Any] = {"when": [dict(_PROMOTING)]}
    groups: dict[Part, list[Group]] = {
        # A load that cannot be made is said before the release is taken, from whomever.
        Part.ACQUIRE: [[_check_load()], [_call(plan, "acquire", "take the release", "acquire")]],
        Part.INITIALISE: [[_call(plan, "initialise", "make the primary", "initialise")]],
        Part.START: [[_call(plan, "start", "start the canary", "start")]],
        Part.PRE_ROLLOUT: [[_call(plan, "pre-rollout", "pre-rollout", "gate", _FOUND, **going_on)]],
        Part.ANALYSIS: [*_judge_taken_over(plan, shape), *_list_analysis(plan)],
        Part.APPROVAL: list(_list_approval(plan, shape)),
        Part.CONFIRM_PROMOTION: [
            [_call(plan, "confirm-promotion", "confirm the promotion", "hook", "confirm-promotion", **going_on)]
        ],
        Part.PROMOTE: [*_list_move(plan, shape), [_call(plan, "promote", "promote", "promote", **promoting)]],
        Part.SHIFT_BACK: [[_call(plan, "shift-back", "route all traffic to the primary", "shift-back", **promoting)]],
        Part.FINALISE: [[_call(plan, "finalise", "scale the canary down", "finalise", **promoting)]],
    }
    for part in Part:
        if part in shape.parts:
            yield from groups[part]


def _judge_taken_over(plan: RolloutPlan, shape: Shape) -> Iterator[Group]:
    """List the judgement of a canary that had traffic at the start, unless the pre-rollout's gate is that already."""
    if Part.PRE_ROLLOUT not in shape.parts:
        when = [dict(_GOING_ON), {"input": _FOUND, "operator": "notin", "values": ["0"]}]
        yield [_call(plan, "taken-over", "judge what was taken over", "gate", _FOUND, when=when)]


def _list_analysis(plan: RolloutPlan) -> Iterator[Group]:
    yield from _list_weights(plan) if plan.strategy is Strategy.CANARY else _list_iterations(plan)


def _list_weights(plan: RolloutPlan) -> Iterator[Group]:
    """List the weights; a release that is taken over begins with the one that follows."""
    weights = ladder.rungs(plan.analysis.weights, None) if trial.write_terms(plan) else plan.analysis.weights
    if plan.analysis.mirror_percent:
        mirroring = {"input": _NEXT, "operator": "in", "values": ["0"]}
        yield [_call(plan, "mirror", "mirror to the canary", "mirror", "on", when=[dict(mirroring)])]
        yield _judge(plan, "judge-mirrored", "judge at 0%", mirroring)
    for place, weight in enumerate(weights, 1):
        reached = _skip_at(*weights[place:])
        yield [_call(plan, f"weight-{weight}", f"weight {weight}%", "set-weight", str(weight), when=[dict(reached)])]
        yield _judge(plan, f"judge-{weight}", f"judge at {weight}%", reached, str(weight))


def _list_iterations(plan: RolloutPlan) -> Iterator[Group]:
    analysis, matches = plan.analysis, plan.strategy is Strategy.AB_TESTING
    iterating = _STEPPING if matches else _skip_at(100)
    if matches:
        yield [
            _call(plan, "matched", "route matched requests to the canary", "set-weight", "100", when=[dict(iterating)])
        ]
    elif analysis.mirror_percent and plan.provider != NO_MESH:
        yield [_call(plan, "mirror", "mirror to the canary", "mirror", "on", when=[dict(iterating)])]
    else:
        yield [_call(plan, "idle", "keep the users on the primary", "set-weight", "0", when=[dict(iterating)])]
    for number in range(1, analysis.iterations + 1):
        shown = f"iteration {number} of {analysis.iterations}"
        yield _judge(plan, f"iteration-{number}", shown, iterating, "100" if matches else "")


def _list_move(plan: RolloutPlan, shape: Shape) -> Iterator[Group]:
    """List how a blue/green release with a mesh moves all users: confirmed before, judged, confirmed again."""
    if plan.strategy is not Strategy.BLUE_GREEN or plan.provider == NO_MESH:
        return
    when: dict[str, Any] = {"when": [dict(_STEPPING)]}
    yield [_call(plan, "all", "route all traffic to the canary", "set-weight", "100", **when)]
    yield _judge(plan, "judge-all", "judge with all users", _STEPPING, "100")
    if Part.CONFIRM_PROMOTION in shape.parts:
        yield [_call(plan, "confirm-again", "confirm the promotion again", "hook", "confirm-promotion", **when)]


def _skip_at(*weights: int) -> Mapping[str, Any]:
    """Write the condition that neither one of these weights follows the start nor the promotion.

    A weight that was not known when the pipeline was written skips nothing.
    """
    return {**_STEPPING, "values": [*map(str, weights), *_STEPPING["values"]]}


def _judge(plan: RolloutPlan, name: str, shown: str, when: Mapping[str, Any], at: str = "") -> Group:
    """Write a judgement at a weight, with load beside it, which runs where a target is named.

    A canary that lost its traffic there ends: what is written down cannot climb to it again.
    """
    beside = _make_load(f"load-{name.partition('-')[2]}", f"load, {shown}", [dict(when), dict(_LOADING)])
    return [_call(plan, name, shown, "gate", at, when=[dict(when)]), beside]


def _check_load() -> dict[str, Any]:
    return _make_load("check-load", "read what load is asked for", [dict(_LOADING)], mode="render", **_LOAD_FITS)


def _make_load(name: str, shown: str, when: list[dict[str, Any]], **more: str) -> dict[str, Any]:
    given = {each: f"$(params.load-{each})" for each in ("target", "rate", "duration", "threshold")}
    return {
        "name": name,
        "displayName": shown,
        "taskRef": {"name": LOAD_TEST.name},
        "params": _give({**given, **more, "image": "$(params.image)"}),
        "timeout": "2h",
        "when": when,
    }


def _list_approval(plan: RolloutPlan, shape: Shape) -> Iterator[Group]:
    # Nobody renews the lease while a person thinks: it is made as much longer as that may take.
    held = _call(plan, "hold", "hold the release for the approval", "hold", when=[dict(_GOING_ON)])
    yield [{**held, "params": [*held["params"], *_give({"hold": _APPROVED_WITHIN})]}]
    asked = [
        {"name": "approvers", "value": list(shape.approvers)},
        {"name": "numberOfApprovalsRequired", "value": "1"},
        {"name": "description", "value": f"Promote the canary of {plan.key}?"},
    ]
    yield [
        {
            "name": "approval",
            "displayName": "approval",
            "taskRef": {"apiVersion": "openshift-pipelines.org/v1alpha1", "kind": "ApprovalTask"},
            "params": asked,
            "timeout": _APPROVED_WITHIN,
            "when": [dict(_GOING_ON)],
        }
    ]
    # While a person thinks nobody judges.
    yield _judge(plan, "judge-approved", "judge after the approval", _GOING_ON, "$(tasks.hold.results.weight)")


def _call(plan: RolloutPlan, name: str, shown: str, stage: str, value: str = "", **more: Any) -> dict[str, Any]:
    values = {
        "stage": stage,
        "value": value,
        "canary": plan.name,
        "namespace": plan.namespace,
        "owner": "tekton/$(context.pipelineRun.uid)",
        **{param: f"$(params.{param})" for param in _SHARED},
    }
    called = {"name": name, "displayName": shown, "taskRef": {"name": STAGE.name}, "params": _give(values)}
    return {**called, "timeout": "12h", **more}


def _give(values: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def _chain(groups: list[Group]) -> list[dict[str, Any]]:
    """Let each group wait for all of the one before it."""
    chained: list[dict[str, Any]] = []
    before: list[str] = []
    for group in groups:
        chained += [{**task, "runAfter": before} if before else task for task in group]
        before = [task["name"] for task in group]
    return chained


def _write_run(name: str, plan: RolloutPlan, loads: list[str]) -> dict[str, Any]:
    security = {"runAsNonRoot": True, "fsGroup": USER}
    # A load is a stranger: its pods get no token.
    stranger = {"podTemplate": {"securityContext": security, "automountServiceAccountToken": False}}
    return {
        "apiVersion": TASK_API,
        "kind": "PipelineRun",
        "metadata": {"generateName": f"release-{plan.name}-", "namespace": plan.namespace},
        "spec": {
            "pipelineRef": {"name": name},
            "timeouts": {"pipeline": "24h0m0s", "tasks": f"{_LONGEST // timedelta(hours=1)}h0m0s", "finally": "1h0m0s"},
            "taskRunTemplate": {
                "serviceAccountName": f"penstock-{plan.name}",
                "podTemplate": {"securityContext": security},
            },
            "taskRunSpecs": [{"pipelineTaskName": load, **stranger} for load in loads],
        },
    }
