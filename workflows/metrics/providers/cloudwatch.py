"""Ask Amazon CloudWatch (`GetMetricData`); the query is the JSON list of metric data queries.

Needs boto3 (`pip install penstock[cloudwatch]`), whose chain finds the credentials: a role of the pod's service
account, an instance's role, or variables. The Secret may hold `aws_access_key_id` and `aws_secret_access_key`.
"""

import json
import time
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from workflows.errors import ConfigurationError
from workflows.metrics import answers
from workflows.metrics.answers import NoAnswerError
from workflows.metrics.connection import TIMEOUT_S
from workflows.metrics.endpoint import Endpoint
from workflows.rollout.samples import Gap

_LOOK_BACK = 10
_MOST_POINTS = 20
_KEYS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")


class CloudWatch:
    """Ask one region."""

    def __init__(self, where: Endpoint) -> None:
        if not where.region:
            raise ConfigurationError("provider cloudwatch: spec.provider.region is missing, for example eu-central-1")
        try:
            boto3: Any = import_module("boto3")
            config: Any = import_module("botocore.config")
            self._errors: Any = import_module("botocore.exceptions")
        except ImportError as error:
            raise ConfigurationError("provider cloudwatch needs boto3: `pip install penstock[cloudwatch]`") from error
        self._window_s = _LOOK_BACK * where.interval.total_seconds()
        self._client = boto3.client(
            "cloudwatch",
            region_name=where.region,
            endpoint_url=where.address or None,
            verify=where.verify_tls,
            config=config.Config(connect_timeout=TIMEOUT_S, read_timeout=TIMEOUT_S, retries={"max_attempts": 0}),
            **{key: where.secrets[key] for key in _KEYS if where.secrets.get(key)},
        )

    def ask(self, query: str) -> float:
        """Give the newest value of the one result that the queries return, of the last ten intervals."""
        result = answers.read_only(self._get(_read_queries(query)).get("MetricDataResults", []), "results")
        if result.get("StatusCode") == "Forbidden":
            raise NoAnswerError(Gap.REFUSED, f"CloudWatch may not read metric {result.get('Label')}")
        return answers.read_last(reversed(result.get("Values", [])))

    def _get(self, queries: list[Any]) -> dict[str, Any]:
        now = time.time()
        try:
            found: dict[str, Any] = self._client.get_metric_data(
                MetricDataQueries=queries,
                StartTime=datetime.fromtimestamp(now - self._window_s, UTC),
                EndTime=datetime.fromtimestamp(now, UTC),
                ScanBy="TimestampDescending",
                MaxDatapoints=_MOST_POINTS,
            )
        except (self._errors.ConnectTimeoutError, self._errors.ReadTimeoutError) as error:
            raise NoAnswerError(Gap.TIMED_OUT, f"CloudWatch: no answer within {TIMEOUT_S:g} s") from error
        except (self._errors.ConnectionError, self._errors.HTTPClientError) as error:
            raise NoAnswerError(Gap.UNREACHABLE, f"CloudWatch: {error}") from error
        except (self._errors.ClientError, self._errors.BotoCoreError) as error:
            raise NoAnswerError(Gap.REFUSED, f"CloudWatch: {error}") from error
        return found


def _read_queries(query: str) -> list[Any]:
    try:
        queries = json.loads(query)
    except ValueError as error:
        raise NoAnswerError(Gap.REFUSED, f"the query is no JSON list of metric data queries: {error}") from error
    if not isinstance(queries, list):
        raise NoAnswerError(Gap.REFUSED, "the query is JSON, but no list of metric data queries")
    return queries
