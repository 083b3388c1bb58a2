"""Write Envoy's configuration: three listeners, five clusters, routes and endpoints from watched files.

Pure. The rule to keep: only the clusters `primary` and `canary` see user traffic, and nothing is ever retried, since
a retry hides a bad canary.
"""

from collections.abc import Iterator
from pathlib import Path

from workflows.local.folder import Addresses, envoy_folder
from workflows.rollout.traffic import Arm
from workflows.routers import envoy_routes

Document = dict[str, object]

DIRECT = {Arm.PRIMARY: "primary-direct", Arm.CANARY: "canary-direct"}
"""The clusters behind the addresses of single arms."""

CLUSTERS = {
    Arm.PRIMARY: (Arm.PRIMARY.value, DIRECT[Arm.PRIMARY]),
    Arm.CANARY: (Arm.CANARY.value, DIRECT[Arm.CANARY], envoy_routes.MIRROR_CLUSTER),
}
"""All clusters that lead to an arm."""

_TYPES = "type.googleapis.com/envoy.extensions"
_MANAGER = f"{_TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER = f"{_TYPES}.filters.http.router.v3.Router"
_PROTOCOL = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_LATENCY_MS = (
    *(1, 2, 3, 5, 7, 10, 15, 20, 25, 30, 40, 50, 75, 100, 125, 150, 200, 250, 300, 400, 500, 600, 750),
    *(1000, 1250, 1500, 2000, 2500, 3000, 4000, 5000, 7500, 10000, 15000, 30000, 60000),
)
# A connection is given up before any common server does so (Gunicorn: 2 s), or a request could meet its end.
_IDLE_TIMEOUT = "1s"


def bootstrap(directory: Path, addresses: Addresses) -> Document:
    """Write the whole configuration."""
    listeners = [
        _listener(envoy_routes.NAME, addresses.apex, {"rds": _watched_routes(directory)}),
        _listener(DIRECT[Arm.PRIMARY], addresses.primary, {"route_config": _all_to(DIRECT[Arm.PRIMARY])}),
        _listener(DIRECT[Arm.CANARY], addresses.canary, {"route_config": _all_to(DIRECT[Arm.CANARY])}),
    ]
    match = {"match": {"suffix": "upstream_rq_time"}, "buckets": list(_LATENCY_MS)}
    return {
        "node": {"id": "penstock", "cluster": "penstock"},
        "admin": {"address": _address("127.0.0.1:0")},
        "stats_flush_on_admin": True,
        "stats_config": {"histogram_bucket_settings": [match]},
        "static_resources": {"listeners": listeners, "clusters": list(_clusters(directory))},
    }


def endpoints_file(directory: Path, arm: Arm) -> Path:
    """Name the file from which Envoy reads an arm's endpoints."""
    return envoy_folder(directory) / "endpoints" / f"{arm.value}.json"


def endpoints(arm: Arm, ports: tuple[int, ...], version: str) -> Document:
    """Write an arm's endpoints."""
    members = [{"endpoint": {"address": _address(f"127.0.0.1:{port}")}} for port in ports]
    assignment = {
        "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": arm.value,
        "endpoints": [{"lb_endpoints": members}] if members else [],
    }
    return {"version_info": version, "resources": [assignment]}


def _listener(name: str, address: str, routes: Document) -> Document:
    manager = {
        "@type": _MANAGER,
        "stat_prefix": name,
        **routes,
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": _ROUTER}}],
    }
    network = {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
    return {"name": name, "address": _address(address), "filter_chains": [{"filters": [network]}]}


def _watched_routes(directory: Path) -> Document:
    folder = envoy_folder(directory) / "routes"
    return {"route_config_name": envoy_routes.NAME, "config_source": _watched(folder / "apex.json")}


def _all_to(cluster: str) -> Document:
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": cluster, "timeout": "15s"}}]
    return {"name": cluster, "virtual_hosts": [{"name": cluster, "domains": ["*"], "routes": routes}]}


def _clusters(directory: Path) -> Iterator[Document]:
    options = {
        "@type": f"type.googleapis.com/{_PROTOCOL}",
        "common_http_protocol_options": {"idle_timeout": _IDLE_TIMEOUT},
        "explicit_http_config": {"http_protocol_options": {}},
    }
    for arm, names in CLUSTERS.items():
        source = {"service_name": arm.value, "eds_config": _watched(endpoints_file(directory, arm))}
        for name in names:
            yield {
                "name": name,
                "type": "EDS",
                "connect_timeout": "1s",
                "eds_cluster_config": source,
                "typed_extension_protocol_options": {_PROTOCOL: options},
            }


def _watched(file: Path) -> Document:
    source = {"path": str(file), "watched_directory": {"path": str(file.parent)}}
    return {"resource_api_version": "V3", "path_config_source": source}


def _address(address: str) -> Document:
    host, _, port = address.rpartition(":")
    return {"socket_address": {"address": host, "port_value": int(port)}}
