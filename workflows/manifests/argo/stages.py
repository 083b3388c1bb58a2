"""Write the templates of a release: its stages in their order, the recursive weight step, and the safe end."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from workflows.manifests.argo.pod import RESULTS, SHOWN, name_node, write_outputs, write_pod
from workflows.manifests.pipeline import TOKEN, Part, Shape
from workflows.rollout.plan import Analysis, Strategy
from workflows.rollout.step import NO_MESH

_FOUND, _APPROVED = (f"{{{{steps.{name}.outputs.parameters.weight}}}}" for name in ("start", "hold"))
_PHASE, _NEXT = ("'{{steps.start.outputs.parameters." + name + "}}'" for name in ("phase", "next"))
GOING_ON = f"({_PHASE} == 'Progressing' || {_PHASE} == 'WaitingPromotion')"
# What follows the start: a weight, the promotion, or nothing, where there is no new revision.
_STEPPING = f"{_NEXT} != 'promote' && {_NEXT} != ''"
_PROMOTING = f"{_NEXT} != ''"
_APPROVING = "'{{workflow.parameters.approval}}' == 'yes'"
_LOAD_FITS = MappingProxyType({"at-most": "{{workflow.parameters.lease}}"})  # nobody renews it beside a load
_LOADING = "{{=workflow.parameters['load-target'] != ''}}"


MOST_WEIGHTS = 96
"""How many weights are judged, one within the last: Argo ends a workflow whose templates are called 100 deep."""


@dataclass(frozen=True, slots=True)
class Target:
    """Say what is released: one canary, or whichever the parameters of a workflow name."""

    name: str
    namespace: str
    account: str
    strategy: Strategy = Strategy.CANARY
    analysis: Analysis | None = None
    provider: str = ""
    parameters: tuple[Mapping[str, Any], ...] = ()


def _call(name: str, shown: str, stage: str, value: str = "", **more: Any) -> dict[str, Any]:
    given = {"stage": stage, "value": value, "shown": name_node(shown)}
    return {"name": name, "template": "stage", "arguments": _give(given), **more}


def _give(given: Mapping[str, str]) -> dict[str, Any]:
    return {"parameters": [{"name": name, "value": value} for name, value in given.items()]}


def write_release(target: Target, shape: Shape) -> dict[str, Any]:
    """Write the stages of a release; without a new revision those after the start are skipped."""
    groups = {
        # A load that cannot be made is said before the release is taken, from whomever.
        Part.ACQUIRE: [[_check_load()], [_call("acquire", "take the release", "acquire")]],
        Part.INITIALISE: [[_call("initialise", "make the primary", "initialise")]],
        Part.START: [[_call("start", "start the canary", "start")]],
        Part.PRE_ROLLOUT: [[_call("pre-rollout", "pre-rollout", "gate", _FOUND, when=GOING_ON)]],
        Part.ANALYSIS: [*_judge_taken_over(shape), *_write_analysis(target)],
        Part.APPROVAL: list(_write_approval()),
        Part.CONFIRM_PROMOTION: [
            [_call("confirm-promotion", "confirm the promotion", "hook", "confirm-promotion", when=GOING_ON)]
        ],
        Part.PROMOTE: [*_write_move(target, shape), [_call("promote", "promote", "promote", when=_PROMOTING)]],
        Part.SHIFT_BACK: [[_call("shift-back", "route all traffic to the primary", "shift-back", when=_PROMOTING)]],
        Part.FINALISE: [[_call("finalise", "scale the canary down", "finalise", when=_PROMOTING)]],
    }
    return {"name": "release", "steps": [group for part in Part if part in shape.parts for group in groups[part]]}


def _write_approval() -> Iterator[list[dict[str, Any]]]:
    asked = f"{GOING_ON} && {_APPROVING}"
    # Nobody renews the lease while a person thinks: it is made as much longer as that may take.
    yield [_call("hold", "hold the release for the approval", "hold", when=asked)]
    duration = {"name": "duration", "value": "{{workflow.parameters.approval-timeout}}"}
    yield [{"name": "approval", "template": "approval", "arguments": {"parameters": [duration]}, "when": asked}]
    refused = f"{asked} && '{{{{steps.approval.outputs.parameters.approve}}}}' != 'YES'"
    yield [_call("refused", "not approved: roll back", "rollback", when=refused)]
    # While a person thinks nobody judges.
    load = _write_load("load-approved", "load-after-the-approval", f"{asked} && {_LOADING}")
    yield [_call("judge-approved", "judge-after-the-approval", "gate", _APPROVED, when=asked), load]


def _judge_taken_over(shape: Shape) -> list[list[dict[str, Any]]]:
    """Write the judgement of a canary that had traffic at the start, unless the pre-rollout's gate is that already."""
    if Part.PRE_ROLLOUT in shape.parts:
        return []
    taken_over = f"{GOING_ON} && '{_FOUND}' != '0'"
    return [[_call("taken-over", "judge-what-was-taken-over", "gate", _FOUND, when=taken_over)]]


def _write_analysis(target: Target) -> list[list[dict[str, Any]]]:
    """Write what stands between the pre-rollout checks and the promotion, by the strategy."""
    analysis = target.analysis
    if target.strategy is Strategy.CANARY or analysis is None:
        first = {"weight": "{{steps.start.outputs.parameters.next}}"}
        return [[{"name": "analysis", "template": "weight-step", "arguments": _give(first), "when": _STEPPING}]]
    matches = target.strategy is Strategy.AB_TESTING
    iterating = _STEPPING if matches else f"{_STEPPING} && {_NEXT} != '100'"
    rounds = [
        _write_iteration(f"iteration {number} of {analysis.iterations}", number, iterating, "100" if matches else "")
        for number in range(1, analysis.iterations + 1)
    ]
    if matches:
        routed = _call("matched", "route matched requests to the canary", "set-weight", "100", when=iterating)
    elif analysis.mirror_percent and target.provider != NO_MESH:
        routed = _call("mirror", "mirror to the canary", "mirror", "on", when=iterating)
    else:
        routed = _call("idle", "keep-the-users-on-the-primary", "set-weight", "0", when=iterating)
    return [[routed], *rounds]


def _write_iteration(shown: str, number: int, when: str, at: str) -> list[dict[str, Any]]:
    load = _write_load(f"load-{number}", f"load, {shown}", f"{when} && {_LOADING}")
    return [_call(f"iteration-{number}", shown, "gate", at, when=when), load]


def _write_move(target: Target, shape: Shape) -> list[list[dict[str, Any]]]:
    """Write how a blue/green release with a mesh moves all users: confirmed before, judged, confirmed again."""
    if target.strategy is not Strategy.BLUE_GREEN or target.provider == NO_MESH:
        return []
    load = _write_load("load-all", "load-all-users-on-the-canary", f"{_STEPPING} && {_LOADING}")
    again = _call("confirm-again", "confirm-the-promotion-again", "hook", "confirm-promotion", when=_STEPPING)
    return [
        [_call("all", "route all traffic to the canary", "set-weight", "100", when=_STEPPING)],
        [_call("judge-all", "judge-with-all-users", "gate", "100", when=_STEPPING), load],
        *([[again]] if Part.CONFIRM_PROMOTION in shape.parts else []),
    ]


def write_weight_step(target: Target) -> list[dict[str, Any]]:
    """Write the step that calls itself with the weight that the gate named, load beside the gate.

    At weight 0, which comes first where it comes at all, requests are mirrored.
    """
    if target.strategy is not Strategy.CANARY:
        return []
    weight, following = "{{inputs.parameters.weight}}", "{{steps.gate.outputs.parameters.next}}"
    recursion = {
        "name": "next",
        "template": "weight-step",
        "when": f"'{following}' != 'promote' && '{following}' != ''",
        "arguments": _give({"weight": following}),
    }
    steps = [
        [
            _call("mirror", "mirror to the canary", "mirror", "on", when=f"'{weight}' == '0'"),
            _call("set-weight", f"weight {weight}%", "set-weight", weight, when=f"'{weight}' != '0'"),
        ],
        [_call("gate", f"judge at {weight}%", "gate"), _write_load("load", f"load at {weight}%", _LOADING)],
        [recursion],
    ]
    return [{"name": "weight-step", "inputs": {"parameters": [{"name": "weight"}]}, "steps": steps}]


def _check_load() -> dict[str, Any]:
    return _write_load("check-load", "read what load is asked for", _LOADING, mode="render", **_LOAD_FITS)


def _write_load(name: str, shown: str, when: str, **more: str) -> dict[str, Any]:
    given = {each: f"{{{{workflow.parameters.load-{each}}}}}" for each in ("target", "rate", "duration", "threshold")}
    given |= {"image": "{{workflow.parameters.image}}", "shown": name_node(shown), **more}
    return {"name": name, "template": "load-test", "arguments": _give(given), "when": when}


def write_stage(target: Target, shape: Shape) -> dict[str, Any]:
    """Write the template that runs any stage in a pod."""
    pod = write_pod("{{workflow.parameters.image}}", list(_list_arguments(target, shape)))
    pod["container"]["env"] = [dict(TOKEN)]
    inputs = [
        {"name": "stage"},
        {"name": "value", "value": ""},
        {"name": "shown"},
    ]
    return {
        "name": "stage",
        "annotations": dict(SHOWN),
        "inputs": {"parameters": inputs},
        "outputs": write_outputs(report=shape.report),
        **pod,
    }


def _list_arguments(target: Target, shape: Shape) -> Iterator[str]:
    yield from ("stage", "{{inputs.parameters.stage}}", "{{inputs.parameters.value}}")
    yield from ("--canary", target.name, "--namespace", target.namespace)
    yield from ("--owner", "argo/{{workflow.uid}}", "--lease", "{{workflow.parameters.lease}}")
    yield from ("--hold", "{{workflow.parameters.approval-timeout}}")
    yield from ("--on-conflict", "{{workflow.parameters.on-conflict}}", "--wait", "12h")
    yield from ("--prometheus", "{{workflow.parameters.prometheus}}")
    yield from ("--results", RESULTS, "--report-url", "{{workflow.parameters.report-url}}")
    yield from ("--report-to", "{{workflow.parameters.report-to}}")
    if target.analysis is None:
        # Which canary it will be is known when it runs.
        yield from ("--most-weights", str(MOST_WEIGHTS))
    if shape.report:
        yield from ("--report", f"{RESULTS}/report.html")


def write_finish() -> dict[str, Any]:
    """Write the exit handler; steps, not a DAG: those were broken under `argo stop` until 4.1.0."""
    return {"name": "finish", "steps": [[_call("finish", "end safe", "finish")]]}
