"""Read the forms of pages; what is wrong is a PayloadError that names the field."""

from collections.abc import Mapping

from flask import g, request

from webhooks.routes.api.requests import require_line


def read_form(*fields: str) -> Mapping[str, str]:
    """Read fields of one line each; who is known is named by that, whatever the form says."""
    read = {field: request.form.get(field, "").strip() for field in fields}
    for field, text in read.items():
        require_line(field, text)
    return read | ({"who": g.caller} if g.caller and "who" in read else {})
