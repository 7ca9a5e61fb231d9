"""The compose file starts every service with settings that it accepts, on networks as told."""

import re
from typing import Any

import pytest
import yaml

from tests.integration.deploy.deployment_files import DEPLOY, SETTINGS, VALUES, check, pinned

FOLDER = DEPLOY / "compose"
# ${NAME}, ${NAME:?} and ${NAME:-default}: what this file uses of compose's substitution.
_VARIABLE = re.compile(r"\$\{(\w+)(?::\?|:-[^}]*)?\}")


def asked() -> set[str]:
    text = (FOLDER / "compose.yaml").read_text()
    return {match[1] for match in _VARIABLE.finditer(text)}


def rendered() -> dict[str, Any]:
    def value(match: re.Match[str]) -> str:
        name = match[1]
        return VALUES.get(name, "https://bank.example" if name.endswith("_URL") else "x" * 40)

    file = yaml.safe_load(_VARIABLE.sub(value, (FOLDER / "compose.yaml").read_text()))
    assert isinstance(file, dict)
    return file


def test_the_example_names_each_variable_that_the_file_asks_for() -> None:
    lines = (FOLDER / "example.env").read_text().splitlines()
    named = {line.partition("=")[0] for line in lines if line and not line.startswith("#")}
    assert named == asked()


@pytest.mark.parametrize(
    ("container", "service"),
    [
        *((name, name) for name in SETTINGS),
        ("backend-migrate", "backend"),
        ("auth-migrate", "auth"),
    ],
)
def test_a_service_accepts_the_settings_that_it_gets(container: str, service: str) -> None:
    environment = rendered()["services"][container]["environment"]
    check(service, {name: str(value) for name, value in environment.items()})


def test_services_run_without_rights_and_stores_are_reached_by_those_that_need_them() -> None:
    services = rendered()["services"]
    for name in SETTINGS:
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["read_only"] is True
        assert "ports" not in services[name], "the world comes through Envoy"
    stores = {name for name, made in services.items() if "stores" in made.get("networks", [])}
    assert stores - set(SETTINGS) == {
        "backend-postgres",
        "auth-postgres",
        "valkey",
        "backend-migrate",
        "auth-migrate",
    }
    assert "frontend" not in stores


def test_only_the_public_listener_is_open_to_other_machines() -> None:
    services = rendered()["services"]
    opened = [port for made in services.values() for port in made.get("ports", [])]
    assert [port.startswith("127.0.0.1:") for port in opened] == [False, True]


def test_every_image_has_a_version() -> None:
    images = {made["image"] for made in rendered()["services"].values()} - {"x" * 40}
    assert [image for image in images if not pinned(image)] == []
