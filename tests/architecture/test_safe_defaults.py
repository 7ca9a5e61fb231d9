"""Nobody gets the lax mode without asking for it."""

import pytest
from pydantic_settings import BaseSettings

from services.auth.settings import AuthSettings
from services.backend.settings import BackendSettings
from services.frontend.settings import FrontendSettings


@pytest.mark.parametrize("settings", [AuthSettings, BackendSettings, FrontendSettings])
def test_what_says_nothing_of_its_environment_runs_in_production(
    settings: type[BaseSettings],
) -> None:
    assert settings.model_fields["node_env"].default == "production"
