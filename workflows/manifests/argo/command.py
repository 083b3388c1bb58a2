"""Read what `penstock render argo` was asked for."""

import argparse

from workflows.manifests import pipeline
from workflows.manifests.argo.library import write_library
from workflows.manifests.argo.release import write_argo
from workflows.manifests.document import Document
from workflows.manifests.pipeline import Need, Shape
from workflows.rollout.plan import RolloutPlan

_NEEDS = (
    Need((3, 6, 0), "knows no `synchronization.mutexes`: two releases of one canary would run at once"),
    Need((4, 0, 0), "is no longer maintained, and treats the outputs of skipped steps otherwise"),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this kind."""
    pipeline.add_options(parser)
    add_library_options(parser)
    parser.add_argument(
        "--report", action="store_true", help="keep each stage's HTML report; needs an artifact repository"
    )


def add_library_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the library."""
    parser.add_argument(
        "--cluster-wide", action="store_true", help="write a ClusterWorkflowTemplate, for all namespaces"
    )


def render_library(arguments: argparse.Namespace) -> tuple[Document, ...]:
    """Write the templates that are shipped."""
    return write_library(cluster_wide=arguments.cluster_wide)


def render(plan: RolloutPlan, arguments: argparse.Namespace) -> tuple[Document, ...]:
    """Write the template of one canary, and a Workflow that runs it."""
    pipeline.refuse_older("Argo Workflows", arguments.engine_version, _NEEDS)
    shape = Shape(
        parts=pipeline.read_parts(arguments.stages, approval=arguments.approval),
        approval=arguments.approval,
        cluster_wide=arguments.cluster_wide,
        report=arguments.report,
    )
    return write_argo(plan, shape)
