"""Read an AlertProvider object and the Secret that it names."""

import base64
import binascii

from workflows.cluster.client import Cluster
from workflows.cluster.kinds import ALERT_PROVIDER, SECRET
from workflows.errors import ConfigurationError
from workflows.notifiers.alerts import Provider
from workflows.rollout.plan import Alerting


def read_provider(cluster: Cluster, namespace: str, alert: Alerting) -> Provider:
    """Read what an alert of a canary in a namespace refers to; raises ConfigurationError when it is incomplete."""
    namespace = alert.provider.namespace or namespace
    where = f"AlertProvider {alert.provider.name} in {namespace}"
    found = cluster.get(ALERT_PROVIDER, namespace, alert.provider.name)
    if found is None:
        raise ConfigurationError(f"{where}: not found; create it, or take the alert out of spec.analysis.alerts")
    spec = found.get("spec") or {}
    secret = _read_secret(cluster, namespace, (spec.get("secretRef") or {}).get("name", ""))
    address = secret.get("address") or spec.get("address") or ""
    if not address:
        raise ConfigurationError(f"{where}: spec.address is missing, and no secret of spec.secretRef has a key address")
    given = {key: str(spec.get(key, "")) for key in ("channel", "username", "proxy")}
    return Provider(type=str(spec.get("type", "")), address=address, token=secret.get("token", ""), **given)


def _read_secret(cluster: Cluster, namespace: str, name: str) -> dict[str, str]:
    if not name:
        return {}
    found = cluster.get(SECRET, namespace, name)
    if found is None:
        raise ConfigurationError(f"Secret {name} in {namespace}: not found; an AlertProvider names it")
    try:
        return {key: base64.b64decode(value).decode().strip() for key, value in (found.get("data") or {}).items()}
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ConfigurationError(f"Secret {name} in {namespace}: its data is not base64 text") from error
