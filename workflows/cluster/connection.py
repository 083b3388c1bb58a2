"""Make a connection: in a pod by its service account, elsewhere by a kubeconfig and one of its contexts.

A pod's connection is made without the kubernetes package, which takes as long to load as all else that a stage needs.
"""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from workflows.cluster.client import PATIENCE_S, Cluster
from workflows.errors import ConfigurationError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its token and the API server's CA."""


def connect(kubeconfig: Path | None = None, context: str = "", *, patience_s: float = PATIENCE_S) -> Cluster:
    """Connect to the cluster that is meant; asks it nothing yet. Raises ConfigurationError when none is configured."""
    if kubeconfig is None and not context and _in_pod():
        return _connect_in_pod(patience_s)
    client: Any = import_module("kubernetes.client")
    config: Any = import_module("kubernetes.config")
    yaml: Any = import_module("yaml")
    settings = client.Configuration()
    if kubeconfig is not None and not kubeconfig.exists():
        raise _refuse(f"{kubeconfig}: no such file")
    try:
        config.load_kube_config(
            str(kubeconfig) if kubeconfig else None, context=context or None, client_configuration=settings
        )
    except (config.ConfigException, OSError, ValueError, yaml.YAMLError, AttributeError, TypeError) as error:
        # The library reads what is no kubeconfig as if it were one, up to the first surprise.
        raise _refuse(_explain(error)) from error
    if not settings.host.startswith(("http://", "https://")):
        raise _refuse(f"its server {settings.host!r} is no address, write https://HOST:PORT")
    # The client's own pool carries the certificates; its models and its retries are not needed.
    pool = client.ApiClient(settings).rest_client.pool_manager
    return Cluster(pool, settings.host.rstrip("/"), lambda: _authorize(settings), patience_s)


def _explain(error: Exception) -> str:
    match error:
        case AttributeError() | TypeError() | UnicodeDecodeError():
            return "what is named is no kubeconfig"
        case OSError():
            return f"{error.filename}: {error.strerror}"
        case _:
            return " ".join(str(error).split())


def _refuse(why: str) -> ConfigurationError:
    return ConfigurationError(
        f"no cluster is configured ({why}); name a kubeconfig with --kubeconfig or KUBECONFIG, "
        "or run in a pod with a service account"
    )


def _in_pod() -> bool:
    """Tell whether this is a pod with a service account and without a kubeconfig, which would come first."""
    named = os.environ.get("KUBECONFIG") or (Path.home() / ".kube" / "config").exists()
    return not named and "KUBERNETES_SERVICE_HOST" in os.environ and (SERVICE_ACCOUNT / "token").exists()


def _connect_in_pod(patience_s: float) -> Cluster:
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    urllib3: Any = import_module("urllib3")
    pool = urllib3.PoolManager(ca_certs=str(SERVICE_ACCOUNT / "ca.crt"))
    return Cluster(pool, f"https://{f'[{host}]' if ':' in host else host}:{port}", _read_token, patience_s)


def _read_token() -> dict[str, str]:
    # Read at each call: the kubelet renews it.
    return {"authorization": f"Bearer {(SERVICE_ACCOUNT / 'token').read_text().strip()}"}


def _authorize(settings: Any) -> dict[str, str]:
    # Asked for at each call: tokens of service accounts and of exec plugins are renewed.
    found = settings.auth_settings().get("BearerToken")
    return {"authorization": found["value"]} if found and found["value"] else {}
