"""Show the operator's tests and rules of gates, and what is wrong with the newest version of the file."""

import json
from dataclasses import dataclass

from flask import Blueprint, Response

from webhooks.catalog import CatalogTest, Parameter
from webhooks.hooks import HookService
from webhooks.routes.pages.rendering import render


@dataclass(frozen=True, slots=True)
class _Entry:
    test: CatalogTest
    description: str


def _enter(test: CatalogTest) -> _Entry:
    return _Entry(test, str(json.loads(test.definition).get("description") or ""))


def describe_parameter(parameter: Parameter) -> str:
    """Write what a parameter may be."""
    allowed = [
        f"one of {', '.join(parameter.values)}" if parameter.values else parameter.type.value,
        f"matching {parameter.pattern}" if parameter.pattern else "",
        "must be given" if parameter.default is None else f"default {parameter.default or 'empty'}",
    ]
    return "; ".join(filter(None, allowed))


def add_routes(blueprint: Blueprint, service: HookService) -> None:
    """Add the route of the catalog."""

    def show_catalog() -> Response:
        catalog = service.catalog.current()
        return render(
            "catalog",
            tests=[_enter(test) for test in catalog.tests.values()],
            gates=catalog.gates,
            fault=service.catalog.fault,
            describe=describe_parameter,
        )

    blueprint.add_url_rule("/catalog", view_func=show_catalog)
