"""Ask Google Cloud Monitoring (`POST /v3/projects/PROJECT/timeSeries:query`) in MQL.

The Secret holds `project`, and `serviceAccountKey` (the JSON of a key; its token is asked for with a signed JWT, which
needs the package `cryptography`) or `token`. Without either the machine's metadata server is asked for a token, at the
address under `metadataServer` if that is set.
"""

import base64
import json
import time
from dataclasses import replace
from importlib import import_module
from typing import Any
from urllib.parse import quote, urlsplit

from workflows.errors import ConfigurationError
from workflows.metrics import answers
from workflows.metrics.answers import NoAnswerError
from workflows.metrics.connection import Answer, Connection, accept
from workflows.metrics.endpoint import Endpoint
from workflows.rollout.samples import Gap

_SITE = "https://monitoring.googleapis.com"
_METADATA = "http://metadata.google.internal"
_ACCOUNT = "/computeMetadata/v1/instance/service-accounts/default/token"
_SCOPE = "https://www.googleapis.com/auth/monitoring.read"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFETIME_S = 600


class Stackdriver:
    """Ask one project."""

    def __init__(self, where: Endpoint) -> None:
        self._where = replace(where, address=where.address or _SITE)
        self._path = f"/v3/projects/{quote(where.secret('project'))}/timeSeries:query"

    def ask(self, query: str) -> float:
        """Give the newest value of the one time series that a query yields."""
        bearer = {"authorization": f"Bearer {self._token()}"}
        answer = Connection(self._where, bearer).post(self._path, {"query": query})
        series = answers.read_only(answers.find(answers.read_object(accept(answer), answer.url), "timeSeriesData"))
        points = answers.find(series, "pointData")
        if not points:
            raise NoAnswerError(Gap.NO_DATA, "the query yields no point")
        value = answers.read_only(answers.find(points[0], "values"), "values of one point")
        return answers.read_number(value.get("doubleValue", value.get("int64Value")))

    def _token(self) -> str:
        secrets = self._where.secrets
        if secrets.get("token"):
            return secrets["token"]
        answer = (
            self._ask_by_key(secrets["serviceAccountKey"]) if secrets.get("serviceAccountKey") else self._ask_host()
        )
        return str(answers.read_object(accept(answer), answer.url).get("access_token", ""))

    def _ask_host(self) -> Answer:
        where = replace(self._where, address=self._where.secrets.get("metadataServer", _METADATA))
        return Connection(where, {"metadata-flavor": "Google"}).get(_ACCOUNT)

    def _ask_by_key(self, text: str) -> Answer:
        key = _read_key(text)
        parts = urlsplit(key["token_uri"])
        where = replace(self._where, address=f"{parts.scheme}://{parts.netloc}")
        return Connection(where).post(parts.path, {"grant_type": _GRANT, "assertion": _sign(key)})


def _read_key(text: str) -> dict[str, str]:
    try:
        key = json.loads(text)
        return {name: str(key[name]) for name in ("client_email", "private_key", "token_uri")}
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigurationError(
            "provider stackdriver: serviceAccountKey in its Secret is no key of a service account; it is the JSON file "
            "with client_email, private_key and token_uri"
        ) from error


def _sign(key: dict[str, str]) -> str:
    now = int(time.time())
    claims = {"iss": key["client_email"], "scope": _SCOPE, "aud": key["token_uri"]}
    parts = ({"alg": "RS256", "typ": "JWT"}, {**claims, "iat": now, "exp": now + _LIFETIME_S})
    signed = ".".join(_encode(json.dumps(part).encode()) for part in parts)
    try:
        hashes: Any = import_module("cryptography.hazmat.primitives.hashes")
        padding: Any = import_module("cryptography.hazmat.primitives.asymmetric.padding")
        keys: Any = import_module("cryptography.hazmat.primitives.serialization")
    except ImportError as error:
        raise ConfigurationError(
            "provider stackdriver: a service account's key needs `pip install penstock[stackdriver]`"
        ) from error
    try:
        private = keys.load_pem_private_key(key["private_key"].encode(), password=None)
    except ValueError as error:
        raise ConfigurationError("provider stackdriver: private_key in its Secret is no key in PEM") from error
    return f"{signed}.{_encode(private.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _encode(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()
