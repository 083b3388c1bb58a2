"""docs/rbac.md says what the table of rights says."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.rollout_story import plan
from workflows.cli import main
from workflows.rollout.plan import Alerting, Check, Limits, Reference, RolloutPlan
from workflows.routers.kubernetes.table import DIALECTS
from workflows.wiring.accounts import write_roles
from workflows.wiring.rights import Part, Right, list_rights

PAGE = Path("docs/rbac.md").read_text()
TEMPLATED = Check("queue", Limits(maximum=1), template=Reference("MetricTemplate", "queue"))
ALERT = Alerting("on-call", Reference("AlertProvider", "on-call"))


def row(right: Right) -> str:
    return f"| `{right.kind.group or 'core'}` | `{right.resource}` | {', '.join(right.verbs)} | {right.reason} |"


def whole(**settings: object) -> RolloutPlan:
    """The story's plan with everything that asks for a right."""
    story = plan(autoscaler=Reference("HorizontalPodAutoscaler", "ad"), **settings)
    return replace(story, analysis=replace(story.analysis, checks=(TEMPLATED,), alerts=(ALERT,)))


@pytest.mark.parametrize("part", Part)
def test_the_page_lists_the_rights_of_each_part(part: Part) -> None:
    rows = "\n".join(row(right) for right in list_rights(whole(), part))
    assert f"{part.summary}:" in PAGE
    assert rows in PAGE, f"docs/rbac.md lacks:\n{rows}"


@pytest.mark.parametrize("provider", sorted(DIALECTS))
def test_the_page_lists_what_each_router_needs(provider: str) -> None:
    base = {right.kind for right in list_rights(whole(provider="kubernetes"), Part.RELEASE)}
    rights = [right for right in list_rights(whole(provider=provider), Part.RELEASE) if right.kind not in base]
    needs = "; ".join(f"`{right.resource}.{right.kind.group}`: {', '.join(right.verbs)}" for right in rights)
    assert f"| `{provider}` | {needs or 'services alone'} |" in PAGE, f"| `{provider}` | {needs or 'services alone'} |"


def test_a_scaled_object_is_scaled_by_its_own_kind() -> None:
    rights = list_rights(plan(autoscaler=Reference("ScaledObject", "ad")), Part.RELEASE)
    assert "scaledobjects" in {right.resource for right in rights}


def test_a_service_as_target_is_not_scaled() -> None:
    rights = list_rights(plan(target=Reference("Service", "ad", "v1")), Part.RELEASE)
    assert not {"deployments", "pods"} & {right.resource for right in rights}


def test_a_knative_service_is_not_taken_away() -> None:
    target = Reference("Service", "ad", "serving.knative.dev/v1")
    rights = list_rights(plan(target=target, provider="knative"), Part.REVERT)
    assert [right.resource for right in rights] == ["leases", "configmaps"]


def test_an_account_is_rendered_with_its_role(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "rbac", "--canary", "examples/ad-service/canary.yaml"]) == 0
    out = capsys.readouterr().out
    assert [f"kind: {kind}" in out for kind in ("ServiceAccount", "Role", "RoleBinding")] == [True] * 3


def test_what_lies_in_no_namespace_needs_a_role_of_the_cluster() -> None:
    (document,) = write_roles(plan(provider="kuma"))
    kinds = {each["kind"]: each for each in document.objects}
    assert kinds["ClusterRole"]["rules"][0]["resources"] == ["trafficroutes"]
    assert kinds["ClusterRoleBinding"]["subjects"][0]["namespace"] == "weather"
    assert "trafficroutes" not in str(kinds["Role"])
