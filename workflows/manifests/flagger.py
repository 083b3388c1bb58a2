"""Write the webhooks section of a Canary that the real Flagger drives, so that our service takes part.

Hooks that stand in the file stay as they are; each type that is missing is added. The rule to keep: no hook is written
that could only fail, as one for tests that nobody named.
"""

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from webhooks.catalog import Catalog, CatalogError, CatalogFile, CatalogTest, Kind
from webhooks.protocol import HookType
from workflows.errors import ConfigurationError
from workflows.manifests import names, server
from workflows.manifests.document import Document
from workflows.rollout.plan import Hook, RolloutPlan, Strategy

_LONGEST_WAIT_S = 240
_SLACK_S = 5
_SHORT, _LONG = "5s", "15s"
_Fixed = tuple[str, str, Mapping[str, str], Mapping[str, Any]]
_FIXED: Mapping[HookType, _Fixed] = MappingProxyType(
    {
        HookType.CONFIRM_ROLLOUT: ("approve-start", _LONG, {"gate": "start"}, {}),
        HookType.CONFIRM_TRAFFIC_INCREASE: ("hold-traffic", _LONG, {"hold": "true"}, {"muteAlert": True}),
        HookType.CONFIRM_PROMOTION: ("approve-promotion", _LONG, {"gate": "promotion"}, {}),
        HookType.POST_ROLLOUT: ("end-of-release", _LONG, {}, {"retries": 2}),
        HookType.ROLLBACK: ("rollback-on-request", _SHORT, {}, {}),
        # Flagger waits for the answer to each of its events.
        HookType.EVENT: ("timeline", _SHORT, {}, {}),
    }
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Name the tests of a catalog that a canary may use: those before traffic, the load beside it, and what is left.

    `longest_s` is how long those before traffic may take together, for they run at the same time.
    """

    before: tuple[str, ...] = ()
    load: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    longest_s: float = 0.0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this kind."""
    server.add_option(parser)
    parser.add_argument("--catalog", type=Path, metavar="FILE", help="the tests that the hooks name")
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        choices=[each.value for each in HookType],
        metavar="TYPE",
        help="add no hook of this type; may be repeated",
    )


def render(plan: RolloutPlan, arguments: argparse.Namespace) -> tuple[Document, ...]:
    """Write what `penstock render flagger` was asked for."""
    try:
        catalog = CatalogFile(arguments.catalog).current() if arguments.catalog else Catalog()
    except CatalogError as error:
        raise ConfigurationError(str(error)) from error
    without = frozenset(HookType(name) for name in arguments.without)
    return write_flagger(plan, server.read(plan, arguments.server), pick(catalog, plan.namespace), without)


def pick(catalog: Catalog, namespace: str) -> Selection:
    """Pick the tests that need nothing but their name; loads go beside the traffic, all others before it."""
    usable = [test for test in catalog.tests.values() if _needs_nothing(test, namespace)]
    before = [test for test in usable if test.kind is not Kind.LOAD]
    return Selection(
        before=tuple(test.name for test in before),
        load=tuple(test.name for test in usable if test.kind is Kind.LOAD),
        left_out=tuple(name for name, test in catalog.tests.items() if test not in usable),
        longest_s=max((test.longest_s for test in before), default=0.0),
    )


def _needs_nothing(test: CatalogTest, namespace: str) -> bool:
    return test.serves(namespace) and all(parameter.default is not None for parameter in test.parameters)


def write_flagger(
    plan: RolloutPlan, url: str, tests: Selection, without: frozenset[HookType] = frozenset()
) -> tuple[Document, ...]:
    """Write a patch of the Canary with its whole list of webhooks."""
    names.check(plan)
    kept = plan.analysis.hooks
    present = {hook.type for hook in kept}
    wanted = [each for each in HookType if each not in present | without]
    added = [hook for each in wanted if (hook := _write_hook(each, plan, tests, without))]
    for hook in added:
        hook["url"] = f"{url}/hooks/{hook['type']}"
    patch = {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": plan.name, "namespace": plan.namespace},
        "spec": {"analysis": {"webhooks": [*map(_keep, kept), *_rename(added, kept)]}},
    }
    called = [f"The hooks that are added call {url}; --server URL names another service."] if added else []
    return (Document("webhooks.yaml", (patch,), "\n".join((*_tell(plan, wanted, tests), *called))),)


def _write_hook(
    hook_type: HookType, plan: RolloutPlan, tests: Selection, without: frozenset[HookType]
) -> dict[str, Any] | None:
    """Write a hook of a type; None where it would only fail, or Flagger would never call it."""
    if hook_type is HookType.PRE_ROLLOUT:
        return _write_tests(plan, tests, without) if tests.before else None
    if hook_type is HookType.ROLLOUT:
        load = {"tests": ",".join(tests.load)}
        return _hook("load", hook_type, "10s", load, retries=1) if tests.load else None
    if hook_type is HookType.CONFIRM_TRAFFIC_INCREASE and plan.strategy is not Strategy.CANARY:
        return None
    name, timeout, metadata, more = _FIXED[hook_type]
    return _hook(name, hook_type, timeout, metadata, **more)


def _hook(name: str, hook_type: HookType, timeout: str, metadata: Mapping[str, str], **more: Any) -> dict[str, Any]:
    said = {"metadata": dict(metadata)} if metadata else {}
    return {"name": name, "type": hook_type.value, "url": "", "timeout": timeout, **more, **said}


def _write_tests(plan: RolloutPlan, tests: Selection, without: frozenset[HookType]) -> dict[str, Any]:
    """Write the hook of the tests: one that lets others hold the traffic, where weights move, else one that waits."""
    named = {"tests": ",".join(tests.before)}
    if _holds(plan, without):
        return _hook("tests", HookType.PRE_ROLLOUT, _LONG, {**named, "hold": "true"}, retries=2)
    wait_s = min(_LONGEST_WAIT_S, math.ceil(tests.longest_s) + _SLACK_S)
    return _hook("tests", HookType.PRE_ROLLOUT, f"{wait_s + _SLACK_S}s", {**named, "wait": f"{wait_s}s"})


def _holds(plan: RolloutPlan, without: frozenset[HookType]) -> bool:
    """Tell whether the hook that we add before a traffic increase will be asked while the test runs."""
    theirs = plan.analysis.hooks_of(HookType.CONFIRM_TRAFFIC_INCREASE)
    mirrored = plan.analysis.mirror_percent > 0
    return (
        plan.strategy is Strategy.CANARY
        and not mirrored
        and not theirs
        and HookType.CONFIRM_TRAFFIC_INCREASE not in without
    )


def _keep(hook: Hook) -> dict[str, Any]:
    milliseconds = round(hook.timeout.total_seconds() * 1000)
    timeout = f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"
    more: dict[str, Any] = {}
    if hook.retries:
        more["retries"] = hook.retries
    if hook.mute_alert:
        more["muteAlert"] = True
    if not hook.verify_tls:
        more["disableTLS"] = True
    return {**_hook(hook.name, hook.type, timeout, hook.metadata, **more), "url": hook.url}


def _rename(added: Sequence[dict[str, Any]], kept: Sequence[Hook]) -> Iterator[dict[str, Any]]:
    """Give each hook a name that no other has, for events to tell them apart."""
    taken = {hook.name for hook in kept}
    for hook in added:
        yield {**hook, "name": f"{hook['name']}-by-penstock"} if hook["name"] in taken else hook


def _tell(plan: RolloutPlan, wanted: Sequence[HookType], tests: Selection) -> list[str]:
    said = [
        "The webhooks of a Canary that Flagger drives; the list replaces the one that is there:",
        f"  kubectl patch canary {plan.name} -n {plan.namespace} --type merge --patch-file webhooks.yaml",
    ]
    gates = {HookType.CONFIRM_ROLLOUT: "start", HookType.CONFIRM_PROMOTION: "promotion"}
    for hook_type, gate in gates.items():
        if hook_type in wanted:
            approve = f"penstock gate approve {plan.key} {gate}"
            said.append(f"{hook_type.value} holds until `{approve}`; --without {hook_type.value} asks nobody.")
    if HookType.PRE_ROLLOUT in wanted and not tests.before:
        said.append("No test runs before the traffic: name some with --catalog FILE.")
    if HookType.ROLLOUT in wanted and not tests.load:
        said.append("No load is made: name one with --catalog FILE.")
    if tests.left_out:
        said.append(f"Left out, since they need parameters or serve other namespaces: {', '.join(tests.left_out)}.")
    return said
