"""Write the first files of a user: a Canary, the catalog of its tests, and values for the chart. No I/O but templates.

The rule to keep: what is written passes `penstock lint` and `penstock catalog lint`, and rehearses to its promotion.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from types import MappingProxyType

PROVIDERS = ("istio", "gatewayapi:v1", "linkerd", "kuma", "nginx", "traefik", "contour", "kubernetes")
"""The providers for which there is a start; the others need objects that nobody can guess."""

FILES = ("canary.yaml", "catalog.yaml", "values.yaml")
SERVICE = "http://penstock.penstock"
"""Where the chart puts the webhook service when it is installed as `penstock` in the namespace `penstock`."""

_STEPS = """\
    # every minute: judge the canary, then give it 10 % more of the traffic
    stepWeight: 10
    maxWeight: 50
"""
_ROUNDS = """\
    # plain Services cannot split traffic: five good minutes, then all of it moves at once
    iterations: 5
"""
_METRICS = """\
    metrics:
      - name: request-success-rate
        # an error rate of at most 1 %
        thresholdRange:
          min: 99
        interval: 1m
      - name: request-duration
        # p99 in milliseconds
        thresholdRange:
          max: 500
        interval: 1m
"""
_NO_METRICS = """\
    # nobody counts the requests of plain Services: the tests and the load below decide
"""
_INGRESS = """\
  ingressRef:
    apiVersion: networking.k8s.io/v1
    kind: Ingress
    name: {name}
"""
_GATEWAY = """\
    gatewayRefs:
      # the Gateway that the service is reached by
      - name: gateway
        namespace: {namespace}
"""
_PARENT = """\
    gatewayRefs:
      - group: core
        kind: Service
        name: {name}
        namespace: {namespace}
"""
_PLAIN = "kubernetes"
_REFERENCES: Mapping[str, str] = MappingProxyType({"nginx": _INGRESS})
_SERVICES: Mapping[str, str] = MappingProxyType({"gatewayapi:v1": _GATEWAY, "linkerd": _PARENT})
_GATE = """\
      # the gate that somebody has to open before the canary is promoted:
      #   penstock gate approve {name}.{namespace} promotion
      - name: promotion-gate
        type: confirm-promotion
        url: {service}/hooks/confirm-promotion
        metadata:
          gate: promotion
"""


@dataclass(frozen=True, slots=True)
class Answers:
    """Hold what was asked, each valid by itself."""

    name: str
    namespace: str
    port: int
    path: str
    provider: str
    driver: str
    gated: bool
    prometheus: str
    service: str = SERVICE


def write(answers: Answers) -> dict[str, str]:
    """Give the text of every file."""
    texts = {
        "name": answers.name,
        "namespace": answers.namespace,
        "port": str(answers.port),
        "path": answers.path,
        "provider": answers.provider,
        "prometheus": answers.prometheus,
        "service": answers.service,
        "driven": str(answers.driver == "penstock").lower(),
    }
    parts = {
        "reference": _REFERENCES.get(answers.provider, ""),
        "gateway": _SERVICES.get(answers.provider, ""),
        "strategy": _ROUNDS if answers.provider == _PLAIN else _STEPS,
        "metrics": _NO_METRICS if answers.provider == _PLAIN else _METRICS,
        "gate": _GATE if answers.gated else "",
    }
    filled = texts | {key: text.format_map(texts) for key, text in parts.items()}
    return {file: _read(file).substitute(filled) for file in FILES}


def _read(file: str) -> Template:
    return Template(files("workflows.cli.starter").joinpath(f"{file}.tmpl").read_text(encoding="utf-8"))
