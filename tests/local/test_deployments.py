"""What a Deployment's file says, and what is refused in one."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.local_traffic import deployment
from workflows.errors import ConfigurationError
from workflows.workloads import deployment as deployments
from workflows.workloads.deployment import Probe


def document(**container: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "ad"},
        "spec": {"template": {"spec": {"containers": [{"command": ["python3", "app.py"], **container}]}}},
    }


def read(tmp_path: Path, content: object) -> deployments.Deployment:
    file = tmp_path / "deployment.yaml"
    file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return deployments.load(file)


def test_the_example_is_read_as_kubernetes_reads_it() -> None:
    found = deployments.load(deployment("v2"))

    assert (found.name, found.namespace, found.replicas) == ("ad", "weather", 2)
    assert found.template.command == ("python3", "app.py")
    assert found.template.environment == {"VERSION": "v2"}
    assert found.template.probe == Probe(path="/health", period_s=5.0)
    assert Path(found.template.folder) == deployment("v2").parent


def test_defaults_are_those_of_kubernetes(tmp_path: Path) -> None:
    found = read(tmp_path, document(args=["--quiet"]))

    assert (found.namespace, found.replicas, found.template.grace_s) == ("default", 1, 30.0)
    assert found.template.command == ("python3", "app.py", "--quiet")
    assert found.template.probe == Probe()


def test_a_revision_follows_the_template_and_nothing_else(tmp_path: Path) -> None:
    one = read(tmp_path, document())
    scaled = read(tmp_path, {**document(), "spec": {**document()["spec"], "replicas": 3}})
    changed = read(tmp_path, document(env=[{"name": "VERSION", "value": "v2"}]))

    assert one.template.revision == scaled.template.revision != changed.template.revision


def test_variables_are_put_in_where_they_are_known() -> None:
    assert deployments.expand("--port=$(PORT) $(OTHER) $$", {"PORT": "80"}) == "--port=80 $(OTHER) $$"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("a: [", "cannot be read as YAML"),
        ("", "0 Deployments"),
        ("kind: Service", "0 Deployments"),
        ({**document(), "apiVersion": "extensions/v1"}, r"apiVersion: 'extensions/v1' is not 'apps/v1'"),
        ({**document(), "metadata": {}}, r"metadata\.name: None is not a name"),
        ({**document(), "spec": {"replicas": 0}}, r"spec\.replicas: 0 is not"),
        ({**document(), "spec": {"replicas": "two"}}, r"spec\.replicas: 'two' is not"),
        ({**document(), "spec": {}}, "0 containers; the local platform runs exactly one"),
        (document(command=None), r"containers\[0\]\.command: None"),
        (document(command=["sleep", 5]), r"containers\[0\]\.command: \['sleep', 5\]"),
        (document(args="--quiet"), "args must be a list"),
        (document(envFrom=[]), "envFrom needs a cluster"),
        (document(env=[{"name": "A", "valueFrom": {}}]), r"env\[0\]: .*valueFrom needs a cluster"),
        (document(env=["A"]), r"env\[0\]: 'A'; give a name and a value"),
        (document(env=[{"name": "A", "value": 3}]), r"env\[0\]\.value: 3 is not a string; put it in quotes"),
        (document(readinessProbe={"exec": {}}), r"readinessProbe\.exec: not known"),
        (document(readinessProbe={"periodSeconds": 0}), r"readinessProbe\.periodSeconds: 0 is not a positive number"),
    ],
)
def test_what_cannot_be_honoured_is_refused_with_its_path(tmp_path: Path, content: object, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        read(tmp_path, content)


def test_a_grace_that_is_no_number_is_refused(tmp_path: Path) -> None:
    content = document()
    content["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = "long"

    with pytest.raises(ConfigurationError, match="'long' is not a number of seconds"):
        read(tmp_path, content)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml: cannot be read"):
        deployments.load(tmp_path / "nowhere.yaml")
