"""Tell the alert providers that a canary names, and those that hear of every release.

A provider that does not answer delays a release by no more than a few seconds and never fails it.
"""

import logging
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import Any

from workflows.errors import ConfigurationError, PenstockError, TemporaryError
from workflows.notifiers.chat import WRITERS, Message, Note
from workflows.rollout.plan import Alerting, RolloutPlan, Severity

_ATTEMPTS = 3
_TIMEOUT_S = 3.0
_PAUSE_S = 0.3
_LONGEST_PAUSE_S = 3.0
_BUSY = 429
_REFUSED = frozenset(range(400, 500)) - {_BUSY}

log = logging.getLogger("penstock.alerts")


@dataclass(frozen=True, slots=True)
class Provider:
    """Hold where messages of one kind go; `token` is for Slack's API, `proxy` an HTTP proxy's URL."""

    type: str
    address: str
    channel: str = ""
    username: str = ""
    token: str = ""
    proxy: str = ""


class _BusyError(TemporaryError):
    """Carry how long a chat that has too much to do asks to be left alone."""

    def __init__(self, message: str, pause_s: float) -> None:
        super().__init__(message)
        self.pause_s = pause_s


class AlertNotifier:
    """Send messages; `find` reads the provider that a canary names, `everyone` are Apprise URLs that hear of all.

    As with Flagger, `everyone` is told only about canaries that name no providers of their own; on a platform that
    keeps no providers `find` is None, and everyone is told.
    """

    def __init__(self, find: Callable[[Alerting], Provider] | None, everyone: Sequence[str] = ()) -> None:
        self._find = find
        self._everyone = tuple(everyone)

    def notify(self, plan: RolloutPlan, message: str, severity: Severity, to: Sequence[Alerting]) -> None:
        """Send one message to all whose severity admits it; who cannot be told is named in the log."""
        note = Note(plan, message, severity)
        if self._find is None or not to:
            self._tell_everyone(note)
            return
        for alert in to:
            if severity >= alert.severity:
                self._try(f"alert provider {alert.provider.name}", partial(_tell, self._find, alert, note))

    def _tell_everyone(self, note: Note) -> None:
        for address in self._everyone:
            self._try("--notify", partial(_send_by_apprise, address, note))

    def _try(self, who: str, act: Callable[[], None]) -> None:
        try:
            act()
        except PenstockError as error:
            log.warning("%s was not told: %s", who, error)


def _tell(find: Callable[[Alerting], Provider], alert: Alerting, note: Note) -> None:
    send(find(alert), note)


def send(provider: Provider, note: Note) -> None:
    """Send one message to one provider; raises a PenstockError that names no secret."""
    writer = WRITERS.get(provider.type)
    if writer is None:
        _send_by_apprise(provider.address, note)
        return
    note = replace(note, channel=provider.channel or note.channel, username=provider.username or note.username)
    message = writer(note)
    address = provider.address + "/slack" * (provider.type == "discord" and not provider.address.endswith("/slack"))
    for left in reversed(range(_ATTEMPTS)):
        try:
            _post(replace(provider, address=address), message)
        except TemporaryError as error:
            if not left:
                raise
            threading.Event().wait(error.pause_s if isinstance(error, _BusyError) else _PAUSE_S)
        else:
            return


def _post(provider: Provider, message: Message) -> None:
    requests: Any = import_module("requests")
    proxies = {"http": provider.proxy, "https": provider.proxy} if provider.proxy else None
    headers = {"Authorization": f"Bearer {provider.token}"} if provider.token else {}
    try:
        answer = requests.post(
            provider.address, json=message, headers=headers, proxies=proxies, timeout=_TIMEOUT_S, allow_redirects=False
        )
    except requests.RequestException as error:
        # The address of a chat's webhook is a secret, and so are the library's words about it.
        raise TemporaryError(f"{provider.type} does not answer ({type(error).__name__})") from None
    if answer.status_code == _BUSY:
        raise _BusyError(f"{provider.type} answers {_BUSY}", _read_pause(answer.headers.get("Retry-After", "")))
    if answer.status_code in _REFUSED:
        raise ConfigurationError(f"{provider.type} refuses the message: {answer.status_code} {answer.text[:200]}")
    if not answer.ok:
        raise TemporaryError(f"{provider.type} answers {answer.status_code}")


def _read_pause(retry_after: str) -> float:
    """Read how many seconds a chat asks for; chats give numbers, never the dates that HTTP would allow."""
    try:
        asked_s = float(retry_after)
    except ValueError:
        return _PAUSE_S
    return min(max(asked_s, 0.0), _LONGEST_PAUSE_S) if math.isfinite(asked_s) else _PAUSE_S


_APPRISE_TYPES = {Severity.INFO: "info", Severity.WARN: "warning", Severity.ERROR: "failure"}


def _send_by_apprise(address: str, note: Note) -> None:
    try:
        apprise: Any = import_module("apprise")
    except ModuleNotFoundError:
        raise ConfigurationError("this kind of address needs Apprise: pip install 'penstock[notify]'") from None
    channel = apprise.Apprise()
    if not channel.add(address):
        raise ConfigurationError("Apprise does not know this kind of address; its documentation lists them")
    body = "\n".join([note.text, *(f"{name}: {value}" for name, value in note.fields)])
    if not channel.notify(body=body, title=note.plan.key, notify_type=_APPRISE_TYPES[note.severity]):
        raise TemporaryError(f"{address.partition(':')[0]} did not take the message")
