"""Read what `penstock render tekton` was asked for."""

import argparse
from dataclasses import replace

from workflows.errors import ConfigurationError
from workflows.manifests import pipeline
from workflows.manifests.document import Document
from workflows.manifests.pipeline import Need, Part, Shape
from workflows.manifests.tekton.pipeline import write_tekton
from workflows.rollout.plan import RolloutPlan

_NEEDS = (Need((1, 13, 0), "does not run `finally` when the tasks have used their time up: nothing would end safe"),)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this kind."""
    pipeline.add_options(parser)
    parser.add_argument(
        "--approver", action="append", default=[], metavar="NAME", help="who may say yes, such as alice or group:sre"
    )


def render(plan: RolloutPlan, arguments: argparse.Namespace) -> tuple[Document, ...]:
    """Write the tasks, the pipeline of one canary, and a run of it."""
    pipeline.refuse_older("Tekton", arguments.engine_version, _NEEDS)
    if arguments.approval is not bool(arguments.approver):
        raise ConfigurationError("--approval: Tekton's ApprovalTask asks by name; give it with --approver NAME")
    parts = pipeline.read_parts(arguments.stages, approval=arguments.approval)
    shape = Shape(parts=parts, approval=arguments.approval, approvers=tuple(arguments.approver))
    return write_tekton(plan, shape if shape.approval else replace(shape, parts=parts - {Part.APPROVAL}))
