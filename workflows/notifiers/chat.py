"""Write a notification as the chat services that Flagger knows take it; pure.

The field names and texts are Flagger's (its `pkg/notifier`), so that what reads its messages reads ours. The one
difference: a warning has a colour of its own, where Flagger shows it as good.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from workflows.rollout.plan import RolloutPlan, Severity, Strategy

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Note:
    """Hold what is told: the release it is about, the words, how bad it is, and under which name and where."""

    plan: RolloutPlan
    text: str
    severity: Severity
    channel: str = "general"
    username: str = "penstock"

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """List what a reader wants to know besides."""
        plan = self.plan
        return (
            ("Target", f"{plan.target.kind}/{plan.target.name}.{plan.namespace}"),
            ("Failed checks threshold", str(plan.analysis.threshold)),
            ("Progress deadline", f"{plan.progress_deadline.total_seconds():g}s"),
            ("Traffic routing", _describe_routing(plan)),
        )


def _describe_routing(plan: RolloutPlan) -> str:
    match plan.strategy:
        case Strategy.CANARY:
            return "Weight steps: " + ",".join(str(weight) for weight in plan.analysis.weights)
        case Strategy.AB_TESTING:
            return "A/B Testing"
        case Strategy.BLUE_GREEN:  # pragma: no branch - mypy proves it is the last
            return "Blue/Green"


_SLACK = MappingProxyType({Severity.INFO: "good", Severity.WARN: "warning", Severity.ERROR: "danger"})
_HEX = MappingProxyType({Severity.INFO: "#0076D7", Severity.WARN: "#FFA500", Severity.ERROR: "#FF0000"})


def _write_attachment(note: Note, colours: Mapping[Severity, str]) -> Message:
    attachment = {
        "color": colours[note.severity],
        "author_name": note.plan.key,
        "text": note.text,
        "mrkdwn_in": ["text"],
        "fields": [{"title": title, "value": value, "short": False} for title, value in note.fields],
    }
    return {
        "channel": note.channel,
        "username": note.username,
        "icon_url": "",
        "icon_emoji": ":rocket:",
        "attachments": [attachment],
    }


def write_slack(note: Note) -> Message:
    """Write for Slack's incoming webhooks; Discord takes the same below its path `/slack`."""
    return _write_attachment(note, _SLACK)


def write_rocket(note: Note) -> Message:
    """Write for Rocket.Chat's incoming webhooks."""
    return _write_attachment(note, _HEX)


def write_teams(note: Note) -> Message:
    """Write a MessageCard for a Microsoft Teams connector."""
    section = {
        "activityTitle": note.text,
        "activitySubtitle": note.plan.key,
        "facts": [{"name": name, "value": value} for name, value in note.fields],
    }
    return {
        "@type": "MessageCard",
        "@context": "http://schema.org/extensions",
        "themeColor": _HEX[note.severity].removeprefix("#"),
        "summary": note.plan.key,
        "sections": [section],
    }


def write_google_chat(note: Note) -> Message:
    """Write a card for a Google Chat space's webhook."""
    paragraphs = [note.text, *(f"<b>{name}</b>: {value}" for name, value in note.fields)]
    widgets = [{"textParagraph": {"text": paragraph}} for paragraph in paragraphs]
    header = {"title": "Penstock", "subtitle": note.plan.key}
    return {"cards": [{"header": header, "sections": [{"widgets": widgets}]}]}


WRITERS: Mapping[str, Callable[[Note], Message]] = MappingProxyType(
    {
        "slack": write_slack,
        "discord": write_slack,
        "rocket": write_rocket,
        "msteams": write_teams,
        "gchat": write_google_chat,
    }
)
"""The types of AlertProvider objects and how their messages are written."""
