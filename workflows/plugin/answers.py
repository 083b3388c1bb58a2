"""Write what the agent is answered (argo-workflows: pkg/plugins/executor).

The rule to keep: what goes on is asked for again, what is over never is. Without a requeue the agent would leave a
node that goes on for ever, and with one it would call up a node that has failed.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_LONGEST = 800
"""How much of a message is sent: it is kept in the Workflow itself."""


class NodePhase(enum.Enum):
    """Name where a node of a workflow stands."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ERROR = "Error"

    @property
    def over(self) -> bool:
        """Tell whether nothing more will happen."""
        return self not in {NodePhase.PENDING, NodePhase.RUNNING}


@dataclass(frozen=True, slots=True)
class Answer:
    """Carry what is told of a node; `requeue_s` is when it is asked for again, `exit_code` how a stage ended."""

    phase: NodePhase
    message: str
    requeue_s: int = 0
    outputs: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    exit_code: int | None = None

    def __post_init__(self) -> None:
        """Refuse an answer that would leave a node for ever, or call up one that is over."""
        if self.phase.over is (self.requeue_s > 0):
            raise ValueError(f"{self.phase.value} with a requeue after {self.requeue_s} s")

    def to_dict(self) -> dict[str, object]:
        """Give the reply as the agent reads it."""
        node: dict[str, object] = {"phase": self.phase.value, "message": " ".join(self.message.split())[:_LONGEST]}
        if self.phase.over:
            node["outputs"] = self._describe_outputs()
        return {"node": node} | ({"requeue": f"{self.requeue_s}s"} if self.requeue_s else {})

    def _describe_outputs(self) -> dict[str, object]:
        found: dict[str, object] = {
            "parameters": [{"name": name, "value": value[:_LONGEST]} for name, value in self.outputs.items()]
        }
        return found if self.exit_code is None else found | {"exitCode": str(self.exit_code)}
