"""Name the kinds of objects that are read and written, and where the API server keeps them."""

from dataclasses import dataclass
from typing import Any

Manifest = dict[str, Any]
"""An object as the API server's JSON has it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Name one kind of object: its API version, its kind, and the plural that stands in paths."""

    api_version: str
    kind: str
    plural: str

    @property
    def group(self) -> str:
        """Give the API group, empty for the core's."""
        return self.api_version.rpartition("/")[0]

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """Give the path of an object, of its subresource, or of the namespace's list."""
        root = f"apis/{self.api_version}" if self.group else f"api/{self.api_version}"
        where = f"namespaces/{namespace}/" if namespace else ""
        return "/".join(part for part in (f"/{root}/{where}{self.plural}", name, subresource) if part)

    def __str__(self) -> str:
        """Name the kind as people write it: `VirtualService (networking.istio.io/v1beta1)`."""
        return f"{self.kind} ({self.api_version})"


SERVICE = Kind("v1", "Service", "services")
POD = Kind("v1", "Pod", "pods")
CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")
SECRET = Kind("v1", "Secret", "secrets")
EVENT = Kind("v1", "Event", "events")
JOB = Kind("batch/v1", "Job", "jobs")
DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments")
DAEMON_SET = Kind("apps/v1", "DaemonSet", "daemonsets")
ENDPOINT_SLICE = Kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")
LEASE = Kind("coordination.k8s.io/v1", "Lease", "leases")
AUTOSCALER = Kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
SCALED_OBJECT = Kind("keda.sh/v1alpha1", "ScaledObject", "scaledobjects")
CANARY = Kind("flagger.app/v1beta1", "Canary", "canaries")
METRIC_TEMPLATE = Kind("flagger.app/v1beta1", "MetricTemplate", "metrictemplates")
ALERT_PROVIDER = Kind("flagger.app/v1beta1", "AlertProvider", "alertproviders")
KNATIVE_SERVICE = Kind("serving.knative.dev/v1", "Service", "services")
KNATIVE_REVISION = Kind("serving.knative.dev/v1", "Revision", "revisions")
