"""Read a file with a Canary into a plan, or say everything that is wrong with it.

`read` and `read_all` never raise: whatever the text is, the answer is a plan or errors. `load` raises.
"""

import json
import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from workflows.canary import annotations, providers, service
from workflows.canary.analysis import read_analysis
from workflows.canary.document import Document, read_documents
from workflows.canary.findings import Finding, Level, did_you_mean, has_errors, show
from workflows.canary.inspection import inspect_record
from workflows.canary.schema.resource import CANARY
from workflows.canary.section import Section
from workflows.canary.source import fetch
from workflows.canary.templates import DEFAULT_NAMESPACE, Templates, read_templates
from workflows.canary.versions import find_analysis
from workflows.errors import ConfigurationError
from workflows.rollout.plan import Reference, RolloutPlan

KIND = "Canary"
TEMPLATE = "MetricTemplate"
_KINDS = (KIND, TEMPLATE, "AlertProvider")
_GROUP = "flagger.app/"
_DEADLINE_S = 600
_NOBODY = Reference("", "")


@dataclass(frozen=True, slots=True)
class Reading:
    """Carry what was read: a plan, unless there are errors among the findings."""

    plan: RolloutPlan | None
    findings: tuple[Finding, ...] = ()


Look = Callable[[Section, RolloutPlan], None]
"""Note more about a Canary: its fields and its plan are given."""


def look_no_further(_canary: Section, _plan: RolloutPlan) -> None:
    """Note nothing more."""


def read(text: str, *, source: str = "") -> Reading:
    """Read the one Canary of a text; `source` names the text in findings about it as a whole."""
    readings = read_all(text, source=source)
    if len(readings) == 1:
        return readings[0]
    findings = tuple(finding for reading in readings for finding in reading.findings)
    several = Finding(Level.ERROR, "", None, f"{source or 'the file'} has {len(readings)} Canaries; give one per file")
    return Reading(None, (*findings, several))


def read_all(text: str, *, source: str = "", look: Look = look_no_further) -> tuple[Reading, ...]:
    """Read every Canary of a text; what is wrong around them is told with the first, and keeps all from a plan.

    `look` may note more about each Canary that has a plan.
    """
    documents, trouble = read_documents(text)
    for document in documents:
        _check_kind(document)
    templates = read_templates(documents)
    canaries = [document for document in documents if _is_canary(document)]
    around = [
        *trouble.noted,
        *(noted for other in documents if other not in canaries for noted in other.findings.noted),
    ]
    if not canaries:
        return (Reading(None, _sort(around if has_errors(around) else [*around, _no_canary(documents, source)])),)
    readings = [_read_canary(document, templates, look) for document in canaries]
    first = Reading(readings[0].plan, _sort([*around, *readings[0].findings]))
    readings = [first, *readings[1:]]
    return tuple(Reading(None if has_errors(around) else reading.plan, reading.findings) for reading in readings)


def load(path: str | Path) -> RolloutPlan:
    """Read the plan from a file; raises ConfigurationError, which has one line for each error."""
    text = fetch(str(path))
    return parse(text, str(path)) if isinstance(text, str) else _demand(Reading(None, (text,)), str(path))


def parse(text: str, source: str) -> RolloutPlan:
    """Read the plan from a text; raises ConfigurationError, which has one line for each error."""
    return _demand(read(text, source=source), source)


def extract(text: str) -> str:
    """Give what a plan is read from as a text of its own: no Secret that stands in the same file goes with it."""
    documents, _ = read_documents(text)
    wanted = [each.value for each in documents if _is_canary(each) or each.text("kind") == TEMPLATE]
    return "\n---\n".join(json.dumps(value) for value in wanted)


def _demand(reading: Reading, source: str) -> RolloutPlan:
    if reading.plan is None:
        errors = (finding for finding in reading.findings if finding.severity is Level.ERROR)
        places = ((f"{source}:{error.line}" if error.line else source, error) for error in errors)
        raise ConfigurationError("\n".join(f"{place}: {error}" for place, error in places))
    return reading.plan


def _is_canary(document: Document) -> bool:
    """Tell whether a document is a Canary, or one that forgot to say so."""
    if document.get("kind") is not None:
        return document.text("kind") == KIND
    return document.text("apiVersion").startswith(_GROUP) or document.get("spec", "targetRef") is not None


def _check_kind(document: Document) -> None:
    if not isinstance(document.value, dict):
        if document.findings.failed:
            return
        document.findings.error(
            document.path, "is not a mapping; a resource begins with apiVersion and kind", document.value
        )
        return
    kind = document.text("kind")
    if document.text("apiVersion").startswith(_GROUP) and kind and kind not in _KINDS:
        hint = did_you_mean(kind, _KINDS)
        document.findings.error((*document.path, "kind"), f"is not known; allowed: {', '.join(_KINDS)}", kind, hint)


def _no_canary(documents: list[Document], source: str) -> Finding:
    texts = {document.text("kind") for document in documents}
    kinds = ", ".join(sorted(show(kind) if kind else "one without a kind" for kind in texts))
    found = f"; it has {kinds}" if documents else ", it is empty"
    return Finding(Level.ERROR, "", None, f"{source or 'the file'} has no document of kind {KIND}{found}", line=1)


def _read_canary(document: Document, templates: Templates, look: Look) -> Reading:
    findings = document.findings
    canary = inspect_record(CANARY, document.value, document.path, findings)
    plan = _build_plan(canary, templates)
    if not findings.failed:
        look(canary, plan)
    return Reading(None if findings.failed else plan, _sort(findings.noted))


def _build_plan(canary: Section, templates: Templates) -> RolloutPlan:
    metadata, spec = canary.section("metadata"), canary.section("spec")
    namespace = metadata.get("namespace", DEFAULT_NAMESPACE)
    target = service.read_reference(spec, "targetRef", namespace) or _NOBODY
    providers.check_target(spec, target)
    providers.check_service(spec)
    strategy, analysis = read_analysis(find_analysis(canary), spec.get("provider", ""), namespace, templates)
    return RolloutPlan(
        name=metadata.get("name", ""),
        namespace=namespace,
        target=target,
        service=service.read_service(spec, target),
        analysis=analysis,
        strategy=strategy,
        provider=spec.get("provider", ""),
        metrics_server=spec.get("metricsServer", ""),
        progress_deadline=timedelta(seconds=spec.get("progressDeadlineSeconds", _DEADLINE_S)),
        approval_deadline=annotations.read_approval_deadline(metadata),
        no_data=annotations.read_no_data(metadata),
        judge=annotations.read_judge(metadata),
        load=annotations.read_load(metadata),
        top_up=annotations.read_top_up(metadata),
        autoscaler=service.read_autoscaler(spec),
        references=service.read_references(spec, namespace),
        skip_analysis=spec.get("skipAnalysis", False),
        suspend=spec.get("suspend", False) and not annotations.read_adopted(metadata),
        revert_on_deletion=spec.get("revertOnDeletion", False),
        annotations=annotations.read_annotations(metadata),
    )


def _sort(findings: list[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=operator.attrgetter("line")))
