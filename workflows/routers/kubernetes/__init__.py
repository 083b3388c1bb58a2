"""Split user traffic on Kubernetes: one row of a table for each mesh, gateway or ingress controller."""

from workflows.routers.kubernetes.table import build_router

__all__ = ["build_router"]
