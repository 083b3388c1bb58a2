"""Make a connection: in a pod by its service account, elsewhere by a kubeconfig and one of its contexts."""

from importlib import import_module
from pathlib import Path
from typing import Any

from workflows.cluster.client import PATIENCE_S, Cluster
from workflows.errors import ConfigurationError


def connect(kubeconfig: Path | None = None, context: str = "", *, patience_s: float = PATIENCE_S) -> Cluster:
    """Connect to the cluster that is meant; asks it nothing yet. Raises ConfigurationError when none is configured."""
    client: Any = import_module("kubernetes.client")
    config: Any = import_module("kubernetes.config")
    yaml: Any = import_module("yaml")
    settings = client.Configuration()
    try:
        if kubeconfig is None and not context:
            config.load_config(client_configuration=settings)
        else:
            config.load_kube_config(
                str(kubeconfig) if kubeconfig else None, context=context or None, client_configuration=settings
            )
    except (config.ConfigException, OSError, yaml.YAMLError, AttributeError, TypeError) as error:
        # The library reads what is no kubeconfig as if it were one, up to the first surprise.
        raise ConfigurationError(
            f"no cluster is configured ({error}); name a kubeconfig with --kubeconfig or KUBECONFIG, "
            "or run in a pod with a service account"
        ) from error
    # The client's own pool carries the certificates; its models and its retries are not needed.
    pool = client.ApiClient(settings).rest_client.pool_manager
    return Cluster(pool, settings.host.rstrip("/"), lambda: _authorize(settings), patience_s)


def _authorize(settings: Any) -> dict[str, str]:
    # Asked for at each call: tokens of service accounts and of exec plugins are renewed.
    found = settings.auth_settings().get("BearerToken")
    return {"authorization": found["value"]} if found and found["value"] else {}
