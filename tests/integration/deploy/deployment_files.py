"""The deployment files, and what they must say of each service's settings."""

import re
from collections.abc import Collection, Mapping
from typing import Final

from servicekit.settings import ServiceSettings

from deploy.local.environment import ROOT
from services.auth.settings import AuthSettings
from services.backend.settings import BackendSettings
from services.frontend.settings import FrontendSettings

DEPLOY: Final = ROOT / "deploy"
SETTINGS: Final[Mapping[str, type[ServiceSettings]]] = {
    "backend": BackendSettings,
    "auth": AuthSettings,
    "frontend": FrontendSettings,
}
# A value for each kind of setting, for rendering only.
VALUES: Final = {
    "ILP_ADDRESS": "test.bank",
    "OPERATOR_TENANT_ID": "00000000-0000-4000-8000-000000000001",
    "STREAM_SECRET": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
}
_UNKNOWN_SECRET: Final = "x" * 40


def variables(service: str) -> set[str]:
    """Every setting of a service."""
    return {str(field.alias) for field in SETTINGS[service].model_fields.values()}


def required(service: str) -> set[str]:
    """The settings that a service does not start without."""
    fields = SETTINGS[service].model_fields.values()
    return {str(field.alias) for field in fields if field.is_required()}


def check(service: str, environment: Mapping[str, str], secrets: Collection[str] = ()) -> None:
    """A service starts from this environment, and no variable of it is misspelled."""
    names = {*environment, *secrets}
    assert names - variables(service) == set(), "the service has no such settings"
    assert required(service) - names == set(), "the service does not start without these"
    drawn = {name: VALUES.get(name, _UNKNOWN_SECRET) for name in secrets}
    urls = {name: "redis://r:6379" for name in secrets if name.endswith("_URL")}
    SETTINGS[service].model_validate({**environment, **drawn, **urls})


def pinned(image: str) -> bool:
    """Whether an image names a version, so that two nodes of one file are the same."""
    return re.search(r":v?\d[\w.-]*$", image) is not None
