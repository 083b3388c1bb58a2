"""Read the ConfigMaps and Secrets that the target's pods use, and write the copies for the primary's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from workflows.cluster.client import Cluster
from workflows.cluster.kinds import Manifest
from workflows.cluster.ownership import Claim
from workflows.cluster.pen import Pen
from workflows.workloads.kubernetes import configs, copies
from workflows.workloads.kubernetes.configs import Config

_MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Tracked:
    """Hold the configs that count as part of a revision, as they were read; `missing` are those the pods wait for."""

    found: Mapping[Config, Manifest] = field(default_factory=lambda: MappingProxyType({}))
    missing: tuple[Config, ...] = ()

    @property
    def digests(self) -> Mapping[Config, str]:
        """Identify what each of them says; one that is missing says that."""
        said = {config: configs.digest(manifest) for config, manifest in self.found.items()}
        return said | dict.fromkeys(self.missing, _MISSING)

    @property
    def lack(self) -> str:
        """Say what the pods wait for; nothing when they have all."""
        return f"{', '.join(map(str, self.missing))}: not found, and its pods need it" if self.missing else ""


def track(cluster: Cluster, namespace: str, template: Manifest) -> Tracked:
    """Read the configs of a pod template."""
    found: dict[Config, Manifest] = {}
    missing: list[Config] = []
    for config, needed in sorted(configs.find_configs(template["spec"]).items()):
        manifest = cluster.get(config.kind, namespace, config.name)
        if manifest is None and needed:
            missing.append(config)
        if manifest is not None and configs.tracked(config, manifest):
            found[config] = manifest
    return Tracked(found, tuple(missing))


def write_copies(pen: Pen, claim: Claim, tracked: Tracked) -> None:
    """Bring the primary's copies to what the originals say."""
    for config, manifest in tracked.found.items():
        _write_copy(pen, claim, config, manifest)


def _write_copy(pen: Pen, claim: Claim, config: Config, manifest: Manifest) -> None:
    def build(found: Manifest | None) -> Manifest:
        if found is not None:
            claim.check(config.kind, found)
        wanted = claim.mark(copies.copy_of(manifest, config.primary_name))
        # The copy changes with each promotion, even where the original may not change.
        wanted.pop("immutable", None)
        return copies.refresh(found, wanted)

    pen.put(config.kind, config.primary_name, build)
