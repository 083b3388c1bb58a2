"""Keep the primary's autoscaler beside the target's, hold the primary at its size, stop and start the target's own."""

from workflows.cluster.kinds import SCALED_OBJECT, Kind, Manifest
from workflows.cluster.ownership import Claim
from workflows.cluster.pen import Pen
from workflows.errors import ConfigurationError
from workflows.rollout.plan import Autoscaler
from workflows.workloads.kubernetes import autoscalers


class Scaling:
    """Work on the autoscalers of one canary."""

    def __init__(self, pen: Pen, scaler: Autoscaler, target: str) -> None:
        self._pen = pen
        self._scaler = scaler
        self._target = target
        self._kind: Kind = autoscalers.kind_of(scaler)

    def read_source(self) -> Manifest:
        """Read the target's autoscaler; raises ConfigurationError when it is missing or scales something else."""
        source, where = self._read(self._scaler.name), f"{self._kind.kind} {self._scaler.name} in {self._pen.namespace}"
        if source is None:
            raise ConfigurationError(f"{where}: not found; apply it, or remove spec.autoscalerRef")
        scaled = source["spec"]["scaleTargetRef"]["name"]
        if scaled != self._target:
            raise ConfigurationError(f"{where}: scales {scaled}, not the target {self._target}; correct one of the two")
        return source

    def pair(self, claim: Claim) -> None:
        """Bring the primary's autoscaler to what the target's says; a hold on it stays."""
        source = self.read_source()

        def build(found: Manifest | None) -> Manifest:
            if found is not None:
                claim.check(self._kind, found)
            return claim.mark(autoscalers.pair(source, self._scaler, found))

        self._pen.put(self._kind, f"{self._scaler.name}-primary", build)

    def fewest(self) -> int:
        """Give the least number of replicas that the target's autoscaler sets, one where it is gone."""
        source = self._read(self._scaler.name)
        return autoscalers.fewest_of(source) if source else 1

    def hold(self, size: int) -> None:
        """Keep the primary from becoming smaller than it is."""
        self._pen.change(
            self._kind,
            f"{self._scaler.name}-primary",
            lambda found: autoscalers.hold(autoscalers.let_go(found), size),
        )

    def let_go(self) -> None:
        """Let the primary's autoscaler work as it is written."""
        name = f"{self._scaler.name}-primary"
        if self._read(name):
            self._pen.change(self._kind, name, autoscalers.let_go)

    def pause(self, *, paused: bool) -> None:
        """Stop the target's ScaledObject, or let it work; a HorizontalPodAutoscaler rests at zero by itself."""
        if self._kind is SCALED_OBJECT and self._read(self._scaler.name):
            self._pen.change(self._kind, self._scaler.name, lambda found: autoscalers.pause(found, paused=paused))

    def _read(self, name: str) -> Manifest | None:
        return self._pen.cluster.get(self._kind, self._pen.namespace, name)
