"""Tell what an API server's refusal means for the caller: mend something, read and decide again, or ask later."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from importlib import import_module
from typing import Any

from workflows.cluster.kinds import Kind, Manifest
from workflows.errors import ConfigurationError, ConflictError, PenstockError, TemporaryError, UnavailableError

OK = HTTPStatus.OK
_MAY_PASS = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


class NotServedError(ConfigurationError):
    """Say which kind of object the cluster does not serve."""


def may_pass(status: int) -> bool:
    """Tell whether the same call may be answered otherwise in a moment."""
    return status in _MAY_PASS


def says_missing(status: int, answer: Manifest) -> bool:
    """Tell an object that is not there from a kind that the server does not know: both are answered by 404."""
    return status == HTTPStatus.NOT_FOUND and bool((answer.get("details") or {}).get("name"))


def check(status: int, answer: Manifest, what: str, kind: Kind | None = None) -> Manifest:
    """Give the answer of a call that went well; raises the error that says what to do about any other."""
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return answer
    said = str(answer.get("message") or status)
    raise _name(status, f"{what}: {said}", answer, kind)


def _name(  # noqa: PLR0911 - one return for each kind of refusal
    status: int, message: str, answer: Manifest, kind: Kind | None
) -> PenstockError:
    match status:
        case HTTPStatus.CONFLICT:
            return ConflictError(message)
        case HTTPStatus.UNAUTHORIZED:
            return ConfigurationError(f"{message}; the token or certificate of the kubeconfig is not accepted")
        case HTTPStatus.FORBIDDEN:
            return ConfigurationError(f"{message}; docs/rbac.md lists the rights that are needed")
        case HTTPStatus.NOT_FOUND if (answer.get("details") or {}).get("kind") == "namespaces":
            return ConfigurationError(f"{message}; make the namespace")
        case HTTPStatus.NOT_FOUND if kind and not says_missing(status, answer):
            return NotServedError(f"{message}; the cluster does not serve {kind}: install its CRDs")
        case HTTPStatus.NOT_FOUND | HTTPStatus.GONE:
            return TemporaryError(message)
        case _ if may_pass(status):
            return UnavailableError(message)
        case _:
            return ConfigurationError(message)


@contextmanager
def unreachable(url: str) -> Iterator[None]:
    """Turn the pool's own errors into an UnavailableError that names the server."""
    errors: Any = import_module("urllib3.exceptions")
    try:
        yield
    except (errors.HTTPError, OSError) as error:
        raise UnavailableError(f"{url}: the API server does not answer ({type(error).__name__}: {error})") from error
    except ValueError:
        # The library's words would show the value, which may be a token.
        raise ConfigurationError(
            f"{url}: the request cannot be written; look at the server and at the token in the kubeconfig"
        ) from None
