"""Refuse names that would mean something else inside a manifest."""

import re

from workflows.errors import ConfigurationError
from workflows.rollout.plan import RolloutPlan

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_PERSON = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:/+-]*")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}")
_LONGEST_NAME = 253
_LONGEST_LABEL = 63


def check(plan: RolloutPlan) -> None:
    """Raise ConfigurationError for a canary or namespace that is not a Kubernetes name (RFC 1123)."""
    for place, name in (("metadata.name", plan.name), ("metadata.namespace", plan.namespace)):
        if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
            raise ConfigurationError(
                f"{place}: {name!r} is not a name that can stand in a manifest; use lower case letters, digits, - and ."
            )


def name_pipeline(plan: RolloutPlan, *, cluster_wide: bool = False, suffix: str = "") -> str:
    """Name what releases a canary; raises ConfigurationError for a name that engines could not put into a label."""
    check(plan)
    name = f"canary-release-{plan.namespace}-{plan.name}" if cluster_wide else f"canary-release-{plan.name}"
    name += suffix
    if len(name) > _LONGEST_LABEL:
        raise ConfigurationError(
            f"metadata.name: {name!r} would be the pipeline's name, and has {len(name)} characters where engines take "
            f"{_LONGEST_LABEL}; shorten the Canary's name"
        )
    return name


def check_image(image: str) -> None:
    """Raise ConfigurationError for what cannot be an image, or would be an engine's tag."""
    if not _IMAGE.fullmatch(image):
        raise ConfigurationError(f"--image: {image!r} is not the name of an image")


def check_person(option: str, name: str) -> None:
    """Raise ConfigurationError for a name of people that an engine might read as something else."""
    if not _PERSON.fullmatch(name):
        raise ConfigurationError(f"{option}: {name!r} is not the name of a user, or of a group such as group:sre")
