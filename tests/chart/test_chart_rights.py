"""The roles of the chart are the code's own table, and go no further than the values say."""

from pathlib import Path

import pytest

from tests.chart.charts import (
    CHART,
    DEFAULT,
    FULL,
    VALUES,
    Manifest,
    kinds,
    named,
    needs_helm,
    pick,
    render,
    render_file,
)
from tests.cli.test_rbac_page import whole
from workflows.rollout.plan import Reference
from workflows.routers.kubernetes.table import DIALECTS
from workflows.wiring.rights import Part, Right, list_rights

pytestmark = needs_helm
MINIMAL = CHART / "ci/minimal-rights-values.yaml"
WATCHDOG = CHART / "ci/watchdog-values.yaml"
ROLES = {"Role", "ClusterRole"}


def granted(role: Manifest) -> set[tuple[str, str, str]]:
    """List the rights of a role as (group, resource, verb)."""
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def listed(rights: tuple[Right, ...]) -> set[tuple[str, str, str]]:
    return {(right.kind.group, right.resource, verb) for right in rights for verb in right.verbs}


def roles_of(objects: list[Manifest], account: str) -> list[Manifest]:
    """Give the roles that are bound to an account."""
    bindings = [each for each in objects if each["kind"] in {"RoleBinding", "ClusterRoleBinding"}]
    names = {
        (each["roleRef"]["kind"], each["metadata"].get("namespace"), each["roleRef"]["name"])
        for each in bindings
        if account in {subject["name"] for subject in each["subjects"]}
    }
    roles = [each for each in objects if each["kind"] in ROLES]
    return [
        each for each in roles if (each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) in names
    ]


@pytest.mark.parametrize("values", VALUES, ids=named)
def test_no_role_gives_everything_and_each_is_bound_or_for_people(values: Path) -> None:
    objects = render_file(values)
    bound = {each["roleRef"]["name"] for each in objects if each["kind"].endswith("RoleBinding") or "roleRef" in each}
    roles = [each for each in objects if each["kind"] in ROLES]

    assert not any("*" in right for role in roles for right in granted(role))
    loose = {each["metadata"]["name"].rpartition("-")[2] for each in roles if each["metadata"]["name"] not in bound}
    assert loose <= {"reader", "approver", "pipeline"}


@pytest.mark.parametrize("values", VALUES, ids=named)
def test_every_binding_is_for_an_account_that_is_there(values: Path) -> None:
    objects = render_file(values)
    accounts = {
        (each["metadata"]["namespace"], each["metadata"]["name"])
        for each in objects
        if each["kind"] == "ServiceAccount"
    }
    accounts |= {("release-tools", "server")} if values == FULL else set()

    subjects = {(each["namespace"], each["name"]) for one in objects for each in one.get("subjects", [])}
    assert subjects <= accounts


def test_the_service_reads_canaries_and_what_approvals_are_bound_to_but_no_secrets() -> None:
    (role,) = roles_of(render_file(DEFAULT), "penstock-server")

    targets = [whole(), whole(target=Reference("DaemonSet", "ad", "apps/v1"))]
    targets.append(whole(target=Reference("Service", "ad", "serving.knative.dev/v1"), provider="knative"))
    table = {right for plan in targets for right in listed(list_rights(plan, Part.READ_BACK))}
    assert granted(role) == {right for right in table if right[1] != "secrets"}


def test_a_runner_may_bring_verdicts_and_nothing_else() -> None:
    (role,) = roles_of(render_file(DEFAULT), "penstock-runner")

    assert granted(role) == {("penstock.dev", "runs", "update")}


def test_tests_as_jobs_have_their_rights_where_the_canaries_are() -> None:
    roles = roles_of(render_file(WATCHDOG), "penstock-runner")

    jobs = [role for role in roles if role["kind"] == "Role"]
    assert [role["metadata"]["namespace"] for role in jobs] == ["weather", "shop"]
    assert all(granted(role) == listed(list_rights(whole(), Part.JOBS)) for role in jobs)


def test_the_watchdog_may_do_what_a_release_by_each_provider_needs() -> None:
    objects = render({"watchdog": {"enabled": True}, "releases": {"providers": sorted(DIALECTS), "secrets": True}})
    plans = [whole(provider=provider) for provider in DIALECTS]

    needed = {
        right for plan in plans for part in (Part.RELEASE, Part.WATCHDOG) for right in listed(list_rights(plan, part))
    }
    given = {right for role in roles_of(objects, "penstock-watchdog") for right in granted(role)}
    assert needed <= given
    assert "delete" not in {verb for *_, verb in given}


def test_the_watchdog_may_write_no_routes_but_those_of_the_providers_that_are_named() -> None:
    roles = roles_of(render_file(WATCHDOG), "penstock-watchdog")

    groups = {group for role in roles for group, *_ in granted(role)}
    assert {"networking.istio.io", "kuma.io"} <= groups
    assert not {"traefik.io", "projectcontour.io", "networking.k8s.io"} & groups


def test_the_plugin_of_argo_has_the_rights_of_a_release_where_its_account_stands() -> None:
    objects = render_file(WATCHDOG)
    needed = listed(list_rights(whole(), Part.RELEASE))

    (here,) = [
        role for role in roles_of(objects, "penstock-executor-plugin") if role["metadata"].get("namespace") == "shop"
    ]
    assert needed <= granted(here)
    assert ("coordination.k8s.io", "leases", "list") not in granted(here)


def test_nobody_gets_a_right_to_secrets_who_does_not_ask_for_it() -> None:
    objects = render({"watchdog": {"enabled": True}, "argo": {"plugin": {"enabled": True}}, "canaryNamespaces": ["ad"]})
    roles = [each for each in objects if each["kind"] in ROLES]

    assert roles_of(objects, "penstock-watchdog")
    assert not any(resource == "secrets" for role in roles for _, resource, _ in granted(role))


def test_minimal_rights_are_of_one_namespace_and_read_no_config() -> None:
    objects = render_file(MINIMAL)
    (role,) = [each for each in objects if each["kind"] in ROLES]

    assert not {"ClusterRole", "ClusterRoleBinding"} & set(kinds(objects))
    assert role["metadata"]["namespace"] == "weather"
    assert not {"configmaps", "secrets"} & {resource for _, resource, _ in granted(role)}


def test_only_tokens_of_the_cluster_need_a_right_to_have_them_reviewed() -> None:
    binding = pick(render_file(DEFAULT), "ClusterRoleBinding", "release-tools-penstock-reviews")

    assert binding["roleRef"]["name"] == "system:auth-delegator"
    assert [each["name"] for each in binding["subjects"]] == ["penstock-server"]


def test_people_get_roles_of_their_own() -> None:
    given = {
        name: granted(pick(render_file(DEFAULT), "ClusterRole", f"release-tools-penstock-{name}"))
        for name in ("reader", "approver")
    }

    assert given["reader"] == {("penstock.dev", "runs", "get")}
    assert given["approver"] - given["reader"] == {("penstock.dev", "gates", "approve")}


def test_a_service_that_asks_the_cluster_nothing_has_no_token() -> None:
    objects = render({"auth": {"mode": "loopback", "verifyHooks": "off"}, "runner": {"apart": False}})

    assert pick(objects, "Deployment")["spec"]["template"]["spec"]["automountServiceAccountToken"] is False
    assert not ROLES & set(kinds(objects))


def test_without_rbac_somebody_else_gives_the_rights() -> None:
    assert not {*ROLES, "RoleBinding", "ClusterRoleBinding"} & set(kinds(render({"rbac": {"create": False}})))
