"""Read our own annotations: what a plan says beyond Flagger's fields, never in a field that Flagger would reject."""

import re
from collections.abc import Mapping
from datetime import timedelta

from workflows.canary import durations
from workflows.canary.exclusions import EXCLUDE_TRAFFIC, parse_exclusions
from workflows.canary.findings import did_you_mean
from workflows.canary.section import Section
from workflows.cluster.guard import ADOPTED
from workflows.cluster.targets import SELECTOR_LABELS
from workflows.rollout.plan import Judge, Load, NoDataPolicy

PREFIX = "penstock.dev/"
NO_DATA = f"{PREFIX}no-data"
APPROVAL_TIMEOUT = f"{PREFIX}approval-timeout"
JUDGE = f"{PREFIX}judge"
LOAD = f"{PREFIX}load"
TOP_UP = f"{PREFIX}top-up"
KNOWN = (ADOPTED, APPROVAL_TIMEOUT, EXCLUDE_TRAFFIC, JUDGE, LOAD, NO_DATA, SELECTOR_LABELS, TOP_UP)
_DAY = timedelta(days=1)
_SWITCH = {"true": "/", "false": ""}
_PATH = re.compile(r"/[\x21-\x7e]*\Z")


def read_annotations(metadata: Section) -> Mapping[str, str]:
    """Give all annotations, noting those under our prefix that mean nothing."""
    annotations = metadata.texts("annotations")
    for name in annotations:
        if name.startswith(PREFIX) and name not in KNOWN:
            _warn(metadata, name, f"is not known and is ignored; known: {', '.join(KNOWN)}", did_you_mean(name, KNOWN))
    _check_exclusions(metadata, annotations.get(EXCLUDE_TRAFFIC, ""))
    return annotations


def _check_exclusions(metadata: Section, text: str) -> None:
    try:
        parse_exclusions(text)
    except ValueError as error:
        _error(metadata, EXCLUDE_TRAFFIC, str(error))


def read_no_data(metadata: Section) -> NoDataPolicy:
    """Give how a check without data counts, failed unless said otherwise."""
    text = metadata.texts("annotations").get(NO_DATA, NoDataPolicy.FAIL.value)
    known = {policy.value: policy for policy in NoDataPolicy}
    if text not in known:
        _error(metadata, NO_DATA, f"is not known; allowed: {', '.join(known)}", did_you_mean(text, known))
    return known.get(text, NoDataPolicy.FAIL)


def read_judge(metadata: Section) -> Judge:
    """Give what judges the canary, Flagger's thresholds unless said otherwise."""
    text = metadata.texts("annotations").get(JUDGE, Judge.THRESHOLD.value)
    known = {judge.value: judge for judge in Judge}
    if text not in known:
        _error(metadata, JUDGE, f"is not known; allowed: {', '.join(known)}", did_you_mean(text, known))
    return known.get(text, Judge.THRESHOLD)


def read_adopted(metadata: Section) -> bool:
    """Tell whether the Canary is suspended for Flagger only, since we drive it."""
    return ADOPTED in metadata.texts("annotations")


def read_load(metadata: Section) -> Load:
    """Give what other tests and loads do to the counts; unless said otherwise, nothing."""
    text = metadata.texts("annotations").get(LOAD, Load.UNCOUNTED.value)
    known = {load.value: load for load in Load}
    if text not in known:
        _error(metadata, LOAD, f"is not known; allowed: {', '.join(known)}", did_you_mean(text, known))
    return known.get(text, Load.UNCOUNTED)


def read_top_up(metadata: Section) -> str:
    """Give the path that is asked for when users send too little, `/` for true; empty is nothing, the default."""
    text = metadata.texts("annotations").get(TOP_UP, "false")
    if text not in _SWITCH and not _PATH.match(text):
        _error(metadata, TOP_UP, "is not true, false or a path such as /ad")
    return _SWITCH.get(text, text)


def read_approval_deadline(metadata: Section) -> timedelta:
    """Give how long an approval may be waited for, a day unless said otherwise."""
    text = metadata.texts("annotations").get(APPROVAL_TIMEOUT)
    if text is None:
        return _DAY
    try:
        deadline = durations.parse(text)
    except durations.DurationError as error:
        _error(metadata, APPROVAL_TIMEOUT, str(error))
        return _DAY
    if deadline <= timedelta():
        _error(metadata, APPROVAL_TIMEOUT, "is not above zero; give a duration such as 24h")
    return deadline


def _error(metadata: Section, name: str, message: str, hint: str = "") -> None:
    value = metadata.texts("annotations")[name]
    metadata.findings.error((*metadata.path, "annotations", name), message, value, hint)


def _warn(metadata: Section, name: str, message: str, hint: str = "") -> None:
    value = metadata.texts("annotations")[name]
    metadata.findings.warn((*metadata.path, "annotations", name), message, value, hint)
