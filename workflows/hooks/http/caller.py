"""Call webhooks over HTTP with the rules of Flagger's own client: time-outs, retries, what counts as yes.

Connection errors, time-outs, 429 and 5xx but 501 are tried again, up to the hook's retries; no other answer is.
"""

import http.client
import math
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from types import MappingProxyType

from webhooks.protocol import HookPayload, answer_is_temporary, answer_passes, answer_text, one_line
from workflows.clocks import SystemClock
from workflows.hooks.http.exchange import Answer, RefusedError, Request, exchange
from workflows.ports import Clock, HookAnswer
from workflows.rollout.plan import Hook

_LONGEST_BACKOFF_S = 30.0
_LONGEST_RETRY_AFTER_S = 300.0
_ASKS_FOR_PATIENCE = frozenset({429, 503})


class HttpHookCaller:
    """Call webhooks; `resolve` maps host:port to the host:port to connect to in its place."""

    def __init__(self, resolve: Mapping[str, str] = MappingProxyType({}), clock: Clock | None = None) -> None:
        self._resolve = {asked.lower(): instead for asked, instead in resolve.items()}
        self._clock: Clock = clock or SystemClock()

    def call(self, hook: Hook, payload: HookPayload) -> HookAnswer:
        """Call a hook until it has answered for good or its attempts are used up."""
        request = Request(hook.url, payload.encode(), hook.verify_tls, self._resolve)
        attempts = hook.retries + 1
        for attempt in range(1, attempts):
            answer, pause_s = self._attempt(request, hook, attempt)
            if pause_s is None:
                return answer
            self._clock.sleep(timedelta(seconds=pause_s))
        return self._attempt(request, hook, attempts)[0]

    def _attempt(self, request: Request, hook: Hook, attempt: int) -> tuple[HookAnswer, float | None]:
        """Try once; with the answer comes the pause before the next attempt, None when there is to be none."""
        backoff_s = min(2.0 ** (attempt - 1), _LONGEST_BACKOFF_S)
        try:
            answer = exchange(request, hook.timeout.total_seconds())
        except RefusedError as error:
            return _refuse(f"POST {hook.url}: {error}", attempt), None
        except (OSError, http.client.HTTPException) as error:
            cause = str(error) or type(error).__name__
            return _refuse(f"POST {hook.url} giving up after {attempt} attempt(s): {cause}", attempt), backoff_s
        if answer_passes(answer.status):
            return HookAnswer(passed=True, reason=one_line(answer.body), attempts=attempt), None
        failed = _refuse(answer_text(answer.status, answer.body, hook.url, attempt), attempt)
        if not answer_is_temporary(answer.status):
            return failed, None
        asked_s = self._read_retry_after(answer)
        return failed, backoff_s if asked_s is None else asked_s

    def _read_retry_after(self, answer: Answer) -> float | None:
        if answer.status not in _ASKS_FOR_PATIENCE:
            return None
        try:
            seconds = float(answer.retry_after)
        except ValueError:
            seconds = self._until(answer.retry_after)
        if not math.isfinite(seconds):
            return None
        return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER_S)

    def _until(self, date: str) -> float:
        try:
            return (parsedate_to_datetime(date) - self._clock.now()).total_seconds()
        except (ValueError, TypeError):
            return math.nan


def _refuse(reason: str, attempts: int) -> HookAnswer:
    return HookAnswer(passed=False, reason=one_line(reason), attempts=attempts)
