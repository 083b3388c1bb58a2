"""Find what a command is about: one canary, from a file or from the cluster, and the platform it lives on.

`--canary ad -n weather` and `canary/ad -n weather` mean the object in the cluster, a path means a file.
"""

import argparse
import json
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from workflows import canary, wiring
from workflows.canary.loads import with_counted_load
from workflows.canary.override import with_interval, with_judge
from workflows.canary.source import fetch
from workflows.canary.templates import DEFAULT_NAMESPACE
from workflows.cluster.client import Cluster
from workflows.cluster.kinds import CANARY, Manifest
from workflows.errors import ConfigurationError
from workflows.rollout.plan import RolloutPlan
from workflows.states.place import Place

KUBERNETES, LOCAL = "kubernetes", "local"
_OBJECT = "canary/"


class NoCanaryError(ConfigurationError):
    """Say that the cluster has no Canary of this name."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Hold what a command is about; `file` is None for a canary of the cluster, `cluster` for one that is elsewhere."""

    plan: RolloutPlan
    platform: str
    text: str
    name: str
    file: Path | None = None
    cluster: Cluster | None = None


def add_cluster_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which cluster is meant, and where in it."""
    parser.add_argument("-n", "--namespace", metavar="NS", help="the canary's namespace in the cluster (default)")
    parser.add_argument("--kubeconfig", type=Path, metavar="FILE", help="how to reach the cluster (KUBECONFIG)")
    parser.add_argument("--context", default="", metavar="NAME", help="a context of the kubeconfig (the current one)")


def add_subject_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which canary of which platform is meant."""
    parser.add_argument("--canary", metavar="NAME", dest="canary_name", help="a Canary in the cluster, not a file")
    parser.add_argument(
        "--platform", metavar="NAME", help="local, memory or kubernetes (local, with --canary kubernetes)"
    )
    add_cluster_options(parser)


def find_subject(arguments: argparse.Namespace, file: Path | None) -> Subject:
    """Read the plan that the arguments mean, with another interval or judge if one is given."""
    subject = _find(arguments, file)
    plan = subject.plan if arguments.interval is None else with_interval(subject.plan, arguments.interval)
    plan = plan if arguments.judge is None else with_judge(plan, arguments.judge)
    return replace(subject, plan=with_counted_load(plan) if subject.platform == KUBERNETES else plan)


def connect(arguments: argparse.Namespace) -> Cluster:
    """Connect to the cluster that the options name."""
    # Loaded when a cluster is meant: the kubernetes package takes as long to load as all of ours.
    cluster: Cluster = import_module("workflows.cluster.connection").connect(arguments.kubeconfig, arguments.context)
    return cluster


def read_object(cluster: Cluster, place: Place) -> tuple[RolloutPlan, str]:
    """Read a Canary of the cluster: its plan and its text.

    One that was deleted in mid-release is read from the record of the release, so that it can be ended.
    """
    found = cluster.get(CANARY, place.namespace, place.name)
    text = json.dumps(_strip(found)) if found else _read_kept(cluster, place)
    return canary.parse(text, str(place)), text


def _read_kept(cluster: Cluster, place: Place) -> str:
    # Loaded for want of the object alone: all adapters of a cluster come with it.
    states = import_module("workflows.wiring.kubernetes").open_states(place, wiring.Wishes(cluster=cluster))
    state = states.load()
    if state is None or not state.under_way:
        raise NoCanaryError(f"{place}: not found")
    return str(states.source())


def read_name(text: str) -> str:
    """Read `canary/ad`, or just `ad`, as the name of a Canary."""
    name = text.removeprefix(_OBJECT)
    if not name or "/" in name:
        raise ConfigurationError(f"{text!r} is not a Canary; write canary/NAME")
    return name


def _find(arguments: argparse.Namespace, file: Path | None) -> Subject:
    if (file is None) is (arguments.canary_name is None):
        raise ConfigurationError("name one canary: a file, or --canary NAME for one in the cluster")
    platform = arguments.platform or (LOCAL if file else KUBERNETES)
    if file is None:
        return _find_object(arguments, platform)
    text = fetch(str(file))
    plan = canary.parse(text, str(file)) if isinstance(text, str) else canary.load(file)
    if arguments.namespace not in {None, plan.namespace}:
        raise ConfigurationError(f"{file}: its namespace is {plan.namespace}, not {arguments.namespace}")
    cluster = connect(arguments) if platform == KUBERNETES else None
    return Subject(plan, platform, str(text), file.name, file, cluster)


def _find_object(arguments: argparse.Namespace, platform: str) -> Subject:
    if platform != KUBERNETES:
        raise ConfigurationError(f"--canary: the platform {platform!r} has no Canary objects; name a file")
    cluster = connect(arguments)
    name = read_name(arguments.canary_name)
    plan, text = read_object(cluster, Place(arguments.namespace or DEFAULT_NAMESPACE, name))
    return Subject(plan, platform, text, f"canary/{name}", cluster=cluster)


def _strip(found: Manifest) -> Manifest:
    metadata = {key: found["metadata"][key] for key in ("name", "namespace", "annotations") if key in found["metadata"]}
    return {"apiVersion": CANARY.api_version, "kind": CANARY.kind, "metadata": metadata, "spec": found["spec"]}
