"""Make every check in order, each within its own time, whatever becomes of the others."""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from workflows.doctor import company, here, kinds, metrics, rights, services
from workflows.doctor.finding import Finding, failed, skipped
from workflows.doctor.patient import Patient
from workflows.errors import PenstockError

PATIENCE_S = 20.0
"""How long one check may take."""

NO_CLUSTER = "no cluster was reached"
"""Why what only a cluster knows is skipped."""

_NO_PLAN = "no canary was read; name one with --canary FILE or --canary NAME"
_NO_CHECKS = "the canary has no metrics and the judge is not evidence: a release asks no metrics server"


@dataclass(frozen=True, slots=True)
class Check:
    """Name a check and hold how it is made, or why it is not."""

    name: str
    look: Callable[[], Iterable[Finding]] | str


HERE = (Check("python", here.look_at_python), Check("package", here.look_at_package))
"""What is examined before anything is named."""


def list_checks(patient: Patient) -> Iterator[Check]:
    """List what can be examined of a patient, in the order in which a release needs it."""
    yield from _list_cluster_checks(patient)
    yield from _list_metric_checks(patient)
    resolve, plan = patient.resolve, patient.plan
    hooks = partial(services.look_at_webhooks, plan, resolve, in_pod=patient.in_pod) if plan else _NO_PLAN
    yield Check("webhooks", hooks)
    named = (
        partial(services.look_at_service, patient.server) if patient.server else "no service was named; --server URL"
    )
    yield Check("service", named)


def _list_cluster_checks(patient: Patient) -> Iterator[Check]:
    cluster, plan = patient.cluster, patient.plan
    if cluster is None:
        yield from (Check(name, NO_CLUSTER) for name in ("clock", "crds", "mesh", "rights", "driver", "watchdog"))
        return
    yield Check("clock", partial(company.look_at_clock, cluster))
    yield Check("crds", partial(kinds.look_at_definitions, cluster, plan))
    yield Check("mesh", partial(kinds.look_at_mesh, cluster, plan) if plan else _NO_PLAN)
    yield Check("rights", partial(rights.look_at_rights, cluster, plan) if plan else _NO_PLAN)
    yield Check("driver", partial(company.look_at_driver, cluster, plan) if plan else _NO_PLAN)
    yield Check("watchdog", partial(company.look_at_watchdog, cluster, plan.namespace) if plan else _NO_PLAN)


def _list_metric_checks(patient: Patient) -> Iterator[Check]:
    where, plan = patient.metrics_server, patient.plan
    idle = plan is not None and not metrics.are_needed(plan)
    if where is None or (idle and not patient.prometheus):
        why = _NO_CHECKS if idle else "no metrics server is known; name one with --prometheus URL"
        yield from (Check(name, why) for name in ("prometheus", "metrics"))
        return
    yield Check("prometheus", partial(metrics.look_at_prometheus, where))
    if plan is None or idle:
        yield Check("metrics", _NO_CHECKS if idle else _NO_PLAN)
    else:
        yield Check("metrics", partial(metrics.look_at_checks, where, plan, patient.cluster))


def perform(check: Check, patience_s: float = PATIENCE_S) -> list[Finding]:
    """Make one check; what it raises and that it takes too long are findings, too."""
    if isinstance(check.look, str):
        return [skipped(check.name, check.look)]
    found: list[Finding] = []
    # A name that is looked up cannot be given up in any other way.
    worker = threading.Thread(target=_look, args=(check, check.look, found), daemon=True)
    worker.start()
    worker.join(patience_s)
    if worker.is_alive():
        found = [
            *found,
            failed(check.name, f"no end within {patience_s:g} s", "look at the network between here and there"),
        ]
    return found


def _look(check: Check, look: Callable[[], Iterable[Finding]], found: list[Finding]) -> None:
    try:
        found.extend(look())
    except PenstockError as error:
        found.append(failed(check.name, str(error), "mend what it says, and examine again"))
    except Exception as error:  # noqa: BLE001 - the edge of a thread: one check must not keep the others from being made
        said = f"it could not be examined ({type(error).__name__}: {error})"
        found.append(failed(check.name, said, "this is a fault of penstock; please report it"))
