"""Describe an operation of the HTTP API once: its route and its entry in /openapi.json both come from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from flask import Blueprint, Flask, Response

Schema = Mapping[str, Any]

JSON = "application/json"
"""The type of most answers."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """Describe one parameter: where it stands (path or query), what it may be, what it means."""

    name: str
    place: str
    schema: Schema
    meaning: str


@dataclass(frozen=True, slots=True)
class Operation:
    """Describe one operation; `answers` maps each media type of status 200 to the name of its schema.

    `body` names the schema of what is sent, which is `body_type`; `needs_body` says that it cannot be left out.
    `faults` are the other statuses besides 400, 401, 403 and 503, which every operation may give.
    """

    name: str
    method: str
    path: str
    summary: str
    view: Callable[..., Response]
    answers: Mapping[str, str]
    parameters: tuple[Parameter, ...] = ()
    body: str = ""
    faults: tuple[int, ...] = ()
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    body_type: str = JSON
    needs_body: bool = False

    @property
    def rule(self) -> str:
        """Write the path as Flask does."""
        return self.path.replace("{", "<").replace("}", ">")


def register(to: Blueprint | Flask, operations: tuple[Operation, ...]) -> None:
    """Add the routes of operations."""
    for operation in operations:
        methods = ["GET"] if operation.method == "get" else [operation.method.upper()]
        to.add_url_rule(
            operation.rule, operation.name, operation.view, methods=methods, provide_automatic_options=False
        )
