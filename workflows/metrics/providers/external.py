"""Ask the external metrics API of Kubernetes; the query is `[NAMESPACE/]METRIC[?labelSelector=...]`.

Without an address the cluster of the release is asked; with one, the Secret may hold `token`.
"""

import re
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from workflows.cluster.client import Cluster
from workflows.cluster.kinds import Manifest
from workflows.errors import ConfigurationError, TemporaryError
from workflows.metrics import answers
from workflows.metrics.answers import NoAnswerError
from workflows.metrics.connection import Connection, accept, log_in
from workflows.metrics.endpoint import Endpoint
from workflows.rollout.samples import Gap

_PATH = "/apis/external.metrics.k8s.io/v1beta1/namespaces"
_QUANTITY = re.compile(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)(|n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)")
_SCALE = {
    **{unit: 1000.0**power for power, unit in enumerate(("n", "u", "m", "", "k", "M", "G", "T", "P", "E"), -3)},
    **{f"{unit}i": 1024.0**power for power, unit in enumerate("KMGTPE", 1)},
}
_SLASHES = 2


class ExternalMetrics:
    """Ask an API server."""

    def __init__(self, where: Endpoint, cluster: Cluster) -> None:
        self._cluster = cluster
        self._connection = Connection(where, log_in(where)) if where.address else None

    def ask(self, query: str) -> float:
        """Give the value of the one metric that a query picks."""
        found = self._read(_write_path(query.strip()))
        item = answers.read_only(answers.find(found, "items"), "metrics")
        return read_quantity(item.get("value"))

    def _read(self, path: str) -> Manifest:
        if self._connection:
            answer = self._connection.get(path)
            return answers.read_object(accept(answer), answer.url)
        try:
            return self._cluster.read(path)
        except ConfigurationError as error:
            raise NoAnswerError(Gap.REFUSED, str(error)) from error
        except TemporaryError as error:
            raise NoAnswerError(Gap.UNREACHABLE, str(error)) from error


def read_quantity(value: object) -> float:
    """Read a number as Kubernetes writes it: `420m` is 0.42, `1Ki` is 1024; raises NoAnswerError for another text."""
    match = _QUANTITY.fullmatch(str(value))
    if match is None:
        raise NoAnswerError(Gap.NOT_A_NUMBER, f"{answers.shorten(value)} is not a quantity")
    return answers.read_number(match[1]) * _SCALE[match[2]]


def _write_path(query: str) -> str:
    parts = urlsplit(f"//host/{query}")
    names = parts.path.removeprefix("/").split("/")
    namespace, metric = (names[0] or "default", names[-1]) if len(names) == _SLASHES else ("default", names[0])
    if len(names) > _SLASHES or not metric:
        raise NoAnswerError(Gap.REFUSED, f"{query!r} is not NAMESPACE/METRIC?labelSelector=..., or METRIC alone")
    selector = parse_qs(parts.query).get("labelSelector", [])
    fields = f"?{urlencode({'labelSelector': selector[0]})}" if selector else ""
    return f"{_PATH}/{quote(namespace)}/{quote(metric)}{fields}"
