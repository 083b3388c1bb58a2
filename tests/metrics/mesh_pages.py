"""Expose what meshes and gateways export, as their own metrics pages have it: both arms of `ad` in `weather`."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from workflows.metrics.series import SERIES


@dataclass(frozen=True)
class Mesh:
    """The labels of one provider: those that do not change, and what the arm's label says of each arm."""

    fixed: str
    canary: str
    primary: str | None


NAMESPACE = 'namespace="weather"'
MESHES: Mapping[str, Mesh] = MappingProxyType(
    {
        "istio": Mesh('reporter="destination",destination_workload_namespace="weather"', "ad", "ad-primary"),
        "kubernetes": Mesh('kubernetes_namespace="weather"', "ad-6d5f7c9b8-x2x5z", "ad-primary-7c9d4b5f6-q8q9w"),
        "nginx": Mesh(f'{NAMESPACE},ingress="front"', "weather-ad-service-canary-80", ""),
        "linkerd": Mesh(f'{NAMESPACE},direction="inbound"', "ad", "ad-primary"),
        "traefik": Mesh(
            'protocol="http"',
            "weather-ad-service-canary-80@kubernetescrd",
            "weather-ad-service-primary-80@kubernetescrd",
        ),
        "contour": Mesh('a="b"', "weather_ad-service-canary_80", "weather_ad-service-primary_80"),
        "kuma": Mesh('mesh="default"', "ad-service-canary_weather_svc_80", "ad-service-primary_weather_svc_80"),
        "gloo": Mesh(
            'c="d"', "weather-ad-service-canaryupstream-80_weather", "weather-ad-service-primaryupstream-80_weather"
        ),
        "knative": Mesh('e="f"', "weather/ad-00002", "weather/ad-00001"),
        "skipper": Mesh(
            'method="GET"',
            "kube_weather__front_canary__ad_example_com____ad_service_canary",
            "kube_weather__front__ad_example_com____ad_service",
        ),
        "apisix": Mesh('type="request"', "weather_route-canary_rule", None),
    }
)


def write_page(copy: int = 1) -> str:
    """Write the page of one pod: of the canary 90 answered and 10 failed, of the primary ten times as many."""
    return "\n".join(line for name in MESHES for line in _lines(name, copy)) + "\n"


def _lines(name: str, copy: int) -> list[str]:
    series, mesh = SERIES[name], MESHES[name]
    arm = series.arm.replace("{kind}", "deployment")
    good, bad = ("success", "failure") if name == "linkerd" else ("204", "503")
    lines = []
    for value, times in ((mesh.canary, copy), (mesh.primary, 10 * copy), ("other", 1000)):
        if value is None or (name, value) == ("nginx", "other"):  # whatever is not empty is a canary there
            continue
        labels = f'{mesh.fixed},{arm}="{value}"'
        lines.append(f'{series.requests}{{{labels},{series.code}="{good}"}} {90 * times}')
        lines.append(f'{series.requests}{{{labels},{series.code}="{bad}"}} {10 * times}')
        for bound, count in ((100, 50), (1000, 100)):
            lines.append(f'{series.buckets}{{{labels},le="{bound / series.unit_ms:g}"}} {count * times}')
        lines.append(f'{series.buckets}{{{labels},le="+Inf"}} {100 * times}')
    if name == "istio":
        load = f'{mesh.fixed},destination_workload="ad",source_workload="loadtester"'
        lines.append(f'{series.requests}{{{load},response_code="500"}} 7')
    return lines
