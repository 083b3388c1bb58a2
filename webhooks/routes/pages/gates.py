"""Show gates, and let those who may approve, halt and roll back; what is said goes where the HTTP API says it too."""

import re
from dataclasses import dataclass

from flask import Blueprint, Response, abort, g, request

from webhooks.gates import ROLLBACK_GATE, GateDecision, GateService
from webhooks.hooks import HookService
from webhooks.live import Event, Glance, Hub
from webhooks.routes.api.gates import read_gate_of, read_lasts
from webhooks.routes.api.schemas import GATE, NAME
from webhooks.routes.pages.forms import read_form
from webhooks.routes.pages.rendering import render
from webhooks.routes.pages.streams import address, stream
from webhooks.routes.paths import find_filter
from webhooks.store.records import CanaryName, Gate, GateState

_ON_A_PAGE = 100
_WORDS_SHOWN = 200


@dataclass(frozen=True, slots=True)
class GatesFeed:
    """Tell when somebody has said something about a gate, or asks for one."""

    gates: GateService

    def look(self, position: str) -> Glance:
        """Look at how many words there are."""
        now = str(self.gates.newest_change())
        return Glance(now, (Event("changed"),) if position not in {"", now} else ())


@dataclass(frozen=True, slots=True)
class GateFeed:
    """Tell when something was said about one gate."""

    gates: GateService
    canary: CanaryName
    gate: str

    def look(self, position: str) -> Glance:
        """Look at the words on the gates of its canary."""
        now = str(self.gates.newest_change(self.canary))
        if position in {"", now}:
            return Glance(now)
        words = self.gates.history(self.canary, self.gate)
        said = {"say": f"gate {self.gate}: {words[-1].state.value}"} if words else {}
        return Glance(now, (Event("changed", said),))


def locate_gate(gate: Gate) -> str:
    """Give the path of a gate's page, empty where a name is one that nothing in a cluster can have."""
    names = ((NAME, gate.canary.namespace), (NAME, gate.canary.name), (GATE, gate.gate))
    if not all(re.fullmatch(pattern, name) for pattern, name in names):
        return ""
    return f"/ui/gates/{gate.canary.namespace}/{gate.canary.name}/{gate.gate}"


class GatePages:
    """Show gates."""

    def __init__(self, gates: GateService, hub: Hub) -> None:
        self._gates = gates
        self._hub = hub

    def list_gates(self) -> Response:
        """Show the gates, those that wait for somebody first."""
        asked = request.args.get("canary", "").strip()
        live = address("gates", GatesFeed(self._gates), canary=asked)
        # The filter finds parts of names, and so those of other namespaces too.
        only = "" if g.visitor.may("read") else find_filter(request.path, request.args)
        chosen = [gate for gate in self._gates.select() if only in {"", gate.canary.namespace}]
        found = [gate for gate in chosen if asked in str(gate.canary)]
        found.sort(key=lambda gate: (gate.state is not GateState.WAITING, -gate.at))
        shown = found[:_ON_A_PAGE]
        return render("gates", gates=shown, more=len(found) - len(shown), asked=asked, live=live)

    def show_gate(self, namespace: str, name: str, gate: str) -> Response:
        """Show every word on one gate, and what may be said."""
        canary = read_gate_of(namespace, name, gate)
        live = address(f"gates/{namespace}/{name}/{gate}", GateFeed(self._gates, canary, gate))
        words = self._gates.history(canary, gate)
        if not words:
            abort(404, f"gate {gate} of {canary}: nobody asked for it or decided it yet")
        return render(
            "gate",
            canary=canary,
            gate=gate,
            last=words[-1],
            words=words[::-1][:_WORDS_SHOWN],
            more=max(0, len(words) - _WORDS_SHOWN),
            rollback=ROLLBACK_GATE,
            notice=_answer_word(words[-1], request.args.get("done", ""), g.visitor.name),
            live=live,
        )

    def approve_gate(self, namespace: str, name: str, gate: str) -> Response:
        """Let the release under way pass, or ask for its rollback where that is the gate."""
        return self._say(read_gate_of(namespace, name, gate), gate, GateState.OPEN)

    def halt_gate(self, namespace: str, name: str, gate: str) -> Response:
        """Hold the release under way."""
        return self._say(read_gate_of(namespace, name, gate), gate, GateState.CLOSED)

    def _say(self, canary: CanaryName, gate: str, state: GateState) -> Response:
        said = read_form("who", "why", "lasts", "template")
        decision = GateDecision(state, said["who"], said["why"], read_lasts(said["lasts"]), said["template"])
        self._gates.say(canary, gate, decision)
        there = f"/ui/gates/{canary.namespace}/{canary.name}/{gate}?done={state.value}"
        return Response("", 303, {"Location": there})

    def follow_gate(self, namespace: str, name: str, gate: str) -> Response:
        """Keep one gate's page up to date."""
        return stream(self._hub, GateFeed(self._gates, read_gate_of(namespace, name, gate), gate))

    def follow_gates(self) -> Response:
        """Keep the list up to date."""
        return stream(self._hub, GatesFeed(self._gates))


def _answer_word(last: Gate, done: str, visitor: str) -> str:
    """Write what became of a visitor's word, as long as nobody has said otherwise since."""
    if done == GateState.OPEN.value and last.approvals and visitor in {"", *last.approvals}:
        return "Your approval is kept."
    if done == GateState.CLOSED.value == last.state.value and visitor in {"", last.who}:
        return "The gate is halted."
    return ""


def add_routes(blueprint: Blueprint, service: HookService, hub: Hub) -> None:
    """Add the routes of gates."""
    pages = GatePages(service.gates, hub)
    blueprint.add_app_template_filter(locate_gate, "place")
    one = "/gates/<namespace>/<name>/<gate>"
    for path, method, view in (
        ("/gates", "GET", pages.list_gates),
        (one, "GET", pages.show_gate),
        (f"{one}/approve", "POST", pages.approve_gate),
        (f"{one}/halt", "POST", pages.halt_gate),
        ("/live/gates", "GET", pages.follow_gates),
        (f"/live{one}", "GET", pages.follow_gate),
    ):
        blueprint.add_url_rule(path, view.__name__, view, methods=[method], provide_automatic_options=False)
