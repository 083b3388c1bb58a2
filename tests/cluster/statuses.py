"""What the server says when it refuses: the Status objects, in the real server's words."""

from http import HTTPStatus
from typing import Any

from tests.cluster.resources import Manifest, Resource


class Refusal(Exception):  # noqa: N818 - the server refuses; nothing went wrong
    """Carries the answer to a request that is not carried out."""

    def __init__(self, status: HTTPStatus, reason: str, message: str, details: Manifest | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body: Manifest = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            **({} if details is None else {"details": details}),
            "code": int(status),
        }


def _about(resource: Resource, name: str, **more: Any) -> Manifest:
    group = {"group": resource.group} if resource.group else {}
    return {"name": name, **group, "kind": resource.plural, **more}


def not_found(resource: Resource, name: str) -> Refusal:
    return Refusal(HTTPStatus.NOT_FOUND, "NotFound", f'{resource} "{name}" not found', _about(resource, name))


def no_such_part() -> Refusal:
    """For a part of a known group that is not served, as a subresource that the kind does not have."""
    return Refusal(HTTPStatus.NOT_FOUND, "NotFound", "the server could not find the requested resource", {})


def already_exists(resource: Resource, name: str) -> Refusal:
    return Refusal(HTTPStatus.CONFLICT, "AlreadyExists", f'{resource} "{name}" already exists', _about(resource, name))


def conflict(resource: Resource, name: str, why: str = "") -> Refusal:
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {resource} "{name}": {why}'
    return Refusal(HTTPStatus.CONFLICT, "Conflict", message, _about(resource, name))


def invalid(resource: Resource, name: str, field: str, complaint: str) -> Refusal:
    details = {
        "name": name,
        **({"group": resource.group} if resource.group else {}),
        "kind": resource.kind,
        "causes": [{"reason": "FieldValueInvalid", "message": complaint, "field": field}],
    }
    message = f'{resource.qualified_kind} "{name}" is invalid: {field}: {complaint}'
    return Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid", message, details)


def bad_request(message: str) -> Refusal:
    return Refusal(HTTPStatus.BAD_REQUEST, "BadRequest", message)


def unsupported_patch(accepted: list[str]) -> Refusal:
    message = "the body of the request was in an unknown format - accepted media types include: " + ", ".join(accepted)
    return Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)


def not_allowed() -> Refusal:
    message = "the server does not allow this method on the requested resource"
    return Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", message, {})


def unauthorized() -> Refusal:
    return Refusal(HTTPStatus.UNAUTHORIZED, "Unauthorized", "Unauthorized")


def forbidden(resource: Resource, name: str, why: str) -> Refusal:
    subject = f'{resource} "{name}"' if name else str(resource)
    return Refusal(HTTPStatus.FORBIDDEN, "Forbidden", f"{subject} is forbidden: {why}", _about(resource, name))


def expired(asked: int, oldest: int) -> Manifest:
    """The object of the ERROR event that ends a watch from too long ago."""
    message = f"too old resource version: {asked} ({oldest})"
    return Refusal(HTTPStatus.GONE, "Expired", message).body
