"""Run `penstock adopt` and `penstock hand-back`: change who drives a canary, Flagger's controller or we.

The rule to keep: the canary changes hands only while it rests, and never in silence.
"""

import argparse
import copy
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workflows import wiring
from workflows.canary.templates import DEFAULT_NAMESPACE
from workflows.cli.subject import KUBERNETES, add_cluster_options, connect, read_name, read_object
from workflows.clocks import SystemClock
from workflows.cluster.client import Cluster
from workflows.cluster.guard import ADOPTED, driven_by_flagger
from workflows.cluster.kinds import CANARY, Manifest
from workflows.custody import let_go
from workflows.errors import ConfigurationError, ConflictError, ExitCode
from workflows.process import owner
from workflows.release import LEASE, Release
from workflows.rollout.phase import Phase
from workflows.rollout.state import RolloutState
from workflows.states.place import Place

_ATTEMPTS = 5
_NEW = frozenset({"", Phase.INITIALIZING.value})
_RESTING = frozenset({Phase.INITIALIZED.value, Phase.SUCCEEDED.value, Phase.FAILED.value})


@dataclass(frozen=True, slots=True)
class _Ownership:
    cluster: Cluster
    place: Place

    def state(self) -> RolloutState | None:
        wishes = wiring.Wishes(cluster=self.cluster)
        return wiring.open_states(KUBERNETES, self.place, wishes).load()

    def change(self, build: Callable[[Manifest], Manifest]) -> Manifest:
        """Change the Canary and give it as it was."""
        for _ in range(_ATTEMPTS):
            found = self.cluster.get(CANARY, self.place.namespace, self.place.name)
            if found is None:
                raise ConfigurationError(f"{self.place}: not found")
            try:
                self.cluster.replace(CANARY, build(copy.deepcopy(found)))
            except ConflictError:
                continue
            return found
        raise ConflictError(f"{self.place}: others write it faster than we can")


def adopt_main(argv: Sequence[str]) -> int:
    """Take a canary over from Flagger's controller: suspend it there, go on from where its status stands."""
    ownership = _read(adopt_parser().parse_args(list(argv)))
    known = ownership.state()
    before = ownership.change(lambda canary: _adopt(canary, known, ownership.place))
    if known is None or (driven_by_flagger(before) and not known.under_way):
        _take_over(ownership)
    return _say(f"{ownership.place}: adopted; Flagger leaves it alone until `penstock hand-back {ownership.place}`")


def hand_back_main(argv: Sequence[str]) -> int:
    """Give a canary back to Flagger's controller, which takes what was released meanwhile for a new revision."""
    ownership = _read(hand_back_parser().parse_args(list(argv)))
    state = ownership.state()
    if state and state.under_way:
        raise ConfigurationError(
            f"{ownership.place}: a release is under way (phase {state.phase.value}); let it end, or end it with "
            f"`penstock abort {ownership.place}`"
        )
    ownership.change(_hand_back)
    return _say(f"{ownership.place}: handed back; Flagger drives it from its next look on")


def _adopt(canary: Manifest, known: RolloutState | None, place: Place) -> Manifest:
    phase = (canary.get("status") or {}).get("phase") or ""
    ours = known is not None and known.under_way and known.phase.value == phase
    if phase not in _NEW | _RESTING and not ours:
        raise ConfigurationError(f"{place}: Flagger is in the middle of a release (phase {phase}); wait until it ends")
    metadata, now = canary["metadata"], SystemClock().now()
    metadata["annotations"] = {**(metadata.get("annotations") or {}), ADOPTED: f"{now:%Y-%m-%dT%H:%M:%SZ}"}
    canary["spec"]["suspend"] = True
    return canary


def _hand_back(canary: Manifest) -> Manifest:
    (canary["metadata"].get("annotations") or {}).pop(ADOPTED, None)
    canary["spec"]["suspend"] = False
    return canary


def _take_over(ownership: _Ownership) -> None:
    """Begin our own record of the canary with what its status says."""
    place = ownership.place
    found = ownership.cluster.get(CANARY, place.namespace, place.name) or {}
    phase = (found.get("status") or {}).get("phase") or ""
    if phase in _NEW:
        return
    plan, text = read_object(ownership.cluster, place)
    platform = wiring.build(KUBERNETES, plan, wiring.Wishes(cluster=ownership.cluster, source=text))
    revision, failed = platform.workload.revision(), phase == Phase.FAILED.value
    state = RolloutState(Phase(phase), revision=revision, promoted_revision="" if failed else revision)
    release = Release(platform, plan, owner(), LEASE)
    platform.states.save(state, release.acquire())
    let_go(release)


def adopt_parser() -> argparse.ArgumentParser:
    """Describe the options of `penstock adopt`."""
    return _make_parser("adopt", adopt_main.__doc__)


def hand_back_parser() -> argparse.ArgumentParser:
    """Describe the options of `penstock hand-back`."""
    return _make_parser("hand-back", hand_back_main.__doc__)


def _make_parser(name: str, about: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(f"penstock {name}", description=about)
    parser.add_argument("canary", metavar="CANARY", help="canary/NAME")
    add_cluster_options(parser)
    return parser


def _read(arguments: argparse.Namespace) -> _Ownership:
    place = Place(arguments.namespace or DEFAULT_NAMESPACE, read_name(arguments.canary))
    return _Ownership(connect(arguments), place)


def _say(line: str) -> int:
    sys.stdout.write(line + "\n")
    return ExitCode.PROMOTED
