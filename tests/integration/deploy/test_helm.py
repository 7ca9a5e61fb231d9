"""The chart renders to objects that fit together, and refuses values that can't work."""

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.integration.deploy.deployment_files import DEPLOY, SETTINGS, check, pinned

CHART: Final = DEPLOY / "helm" / "rafiki"
HELM: Final = shutil.which("helm")
pytestmark = pytest.mark.skipif(HELM is None, reason="no `helm` on PATH; .ci/run installs it")
VALUES: Final[dict[str, Any]] = {
    "existingSecret": "node",
    "node": {
        "keyId": "one",
        "operatorTenantId": "00000000-0000-4000-8000-000000000001",
        "webhookUrl": "https://bank.example/webhooks",
        "exchangeRatesUrl": "https://bank.example/rates",
        "identityServerUrl": "https://bank.example/consent",
    },
    "tls": {"secretName": "certificate"},
}


def helm(
    *arguments: str, values: dict[str, Any], folder: Path
) -> "subprocess.CompletedProcess[str]":
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    command = [str(HELM), arguments[0], *arguments[1:], str(CHART), "--values", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@cache
def _rendered(folder: Path) -> list[dict[str, Any]]:
    done = helm("template", "--kube-version=1.30.0", "bank", values=VALUES, folder=folder)
    assert done.returncode == 0, done.stderr
    return [made for made in yaml.safe_load_all(done.stdout) if made]


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return _rendered(tmp_path_factory.mktemp("helm"))


def workloads(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        made["metadata"]["name"]: made["spec"]["template"]
        for made in objects
        if made["kind"] in ("Deployment", "Job")
    }


def test_the_linter_has_nothing_to_say(tmp_path: Path) -> None:
    done = helm("lint", "--strict", values=VALUES, folder=tmp_path)
    assert "0 chart(s) failed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ilpAddress", "my bank"),
        ("publicUrl", "https://bank.example/"),
        ("operatorTenantId", "operator"),
        ("webhookUrl", ""),
        ("keyId", ""),
        ("colour", "green"),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_name(
    field: str, value: str, tmp_path: Path
) -> None:
    values = {**VALUES, "node": {**VALUES["node"], field: value}}
    done = helm("template", "--kube-version=1.30.0", "bank", values=values, folder=tmp_path)
    assert done.returncode != 0
    assert field in done.stderr


@pytest.mark.parametrize(
    ("workload", "service"),
    [
        *((f"bank-{name}", name) for name in SETTINGS),
        ("bank-backend-migrate", "backend"),
        ("bank-auth-migrate", "auth"),
    ],
)
def test_a_service_accepts_the_settings_that_it_gets(
    objects: list[dict[str, Any]], workload: str, service: str
) -> None:
    (container,) = workloads(objects)[workload]["spec"]["containers"]
    plain = {made["name"]: made["value"] for made in container["env"] if "value" in made}
    secret = {made["name"] for made in container["env"] if "valueFrom" in made}
    check(service, plain, secret)


def test_selectors_find_pods_and_ports_have_their_names(objects: list[dict[str, Any]]) -> None:
    pods = workloads(objects).values()
    for made in objects:
        if made["kind"] == "Service":
            selector = made["spec"]["selector"].items()
            (pod,) = [pod for pod in pods if selector <= pod["metadata"]["labels"].items()]
            offered = {
                port["name"]
                for container in pod["spec"]["containers"]
                for port in container.get("ports", [])
            }
            assert {port["targetPort"] for port in made["spec"]["ports"]} <= offered


def test_no_pod_is_root_and_none_can_write_its_image(objects: list[dict[str, Any]]) -> None:
    for pod in workloads(objects).values():
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        for container in pod["spec"]["containers"] + pod["spec"].get("initContainers", []):
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert pinned(container["image"])


def test_each_service_has_probes_a_budget_and_a_policy(objects: list[dict[str, Any]]) -> None:
    for name in (*SETTINGS, "envoy"):
        (container,) = workloads(objects)[f"bank-{name}"]["spec"]["containers"]
        assert {"readinessProbe", "livenessProbe"} <= set(container)
        kinds = {made["kind"] for made in objects if made["metadata"]["name"] == f"bank-{name}"}
        assert kinds >= {"PodDisruptionBudget", "HorizontalPodAutoscaler", "NetworkPolicy"}


def test_nobody_reaches_the_operators_listener_unless_told(objects: list[dict[str, Any]]) -> None:
    (policy,) = [
        made["spec"]
        for made in objects
        if made["kind"] == "NetworkPolicy" and made["metadata"]["name"] == "bank-envoy"
    ]
    assert policy["ingress"] == [{"ports": [{"port": "public"}]}]


def test_migrations_run_before_the_pods_of_a_version(objects: list[dict[str, Any]]) -> None:
    hooks = [made["metadata"]["annotations"] for made in objects if made["kind"] == "Job"]
    assert [hook["helm.sh/hook"] for hook in hooks] == ["pre-install,pre-upgrade"] * len(hooks)
    assert len(hooks) == 2  # backend and auth have a database each
