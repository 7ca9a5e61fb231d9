from pathlib import Path

import pytest
from pydantic import Field, SecretStr, ValidationError, field_validator
from servicekit.settings import CommaList, ServiceSettings, SettingsRefused, describe_settings


class Sample(ServiceSettings):
    database_url: str = Field(alias="DATABASE_URL", description="Postgres of this service")
    api_secret: SecretStr = Field(alias="API_SECRET")
    port: int = Field(default=3000, alias="SAMPLE_PORT", ge=0)
    enabled: bool = Field(default=False, alias="SAMPLE_ENABLED")
    peers: CommaList = Field(default=(), alias="SAMPLE_PEERS")
    note: str | None = Field(default=None, alias="SAMPLE_NOTE", description="a | in it")

    @field_validator("api_secret")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < 4:
            raise ValueError(f"too short: {value.get_secret_value()}")
        return value


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ENV_FILE", "DATABASE_URL", "API_SECRET", "SAMPLE_PORT", "SAMPLE_PEERS"):
        monkeypatch.delenv(name, raising=False)


def _set(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_reads_exact_names_and_splits_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, DATABASE_URL="postgresql://x", API_SECRET="abcd", SAMPLE_PEERS="a, b,,c")
    settings = Sample.load()
    assert settings.database_url == "postgresql://x"
    assert settings.peers == ("a", "b", "c")
    assert settings.api_secret.get_secret_value() == "abcd"


def test_the_environment_wins_over_the_env_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=from-file\nAPI_SECRET=abcd\nSAMPLE_PORT=1\n")
    _set(monkeypatch, SAMPLE_PORT="2")
    settings = Sample.load()
    assert (settings.database_url, settings.port) == ("from-file", 2)


def test_env_file_names_another_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("DATABASE_URL=other\nAPI_SECRET=abcd\n")
    _set(monkeypatch, ENV_FILE="other")
    assert Sample.load().database_url == "other"


def test_a_named_env_file_that_is_missing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, ENV_FILE="nowhere", DATABASE_URL="x", API_SECRET="abcd")
    with pytest.raises(SettingsRefused, match="nowhere"):
        Sample.load()


def test_an_empty_text_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, DATABASE_URL="", API_SECRET="abcd", SAMPLE_PORT="")
    with pytest.raises(SettingsRefused, match="DATABASE_URL is not set"):
        Sample.load()
    _set(monkeypatch, DATABASE_URL="x")
    assert Sample.load().port == 3000


def test_a_refusal_names_each_variable_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, SAMPLE_PORT="-1", API_SECRET="abcd")
    with pytest.raises(SettingsRefused) as refused:
        Sample.load()
    text = str(refused.value)
    assert "DATABASE_URL is not set (Postgres of this service): set it" in text
    assert "SAMPLE_PORT: Input should be greater than or equal to 0" in text
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_a_refusal_never_echoes_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, DATABASE_URL="x", API_SECRET="zqw")
    with pytest.raises(SettingsRefused) as refused:
        Sample.load()
    assert "API_SECRET: its value is not valid" in str(refused.value)
    assert "zqw" not in str(refused.value)


def test_settings_are_frozen_and_hide_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, DATABASE_URL="x", API_SECRET="abcd")
    settings = Sample.load()
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1  # type: ignore[misc]  # the refusal is what is tested
    assert "abcd" not in repr(settings)


def test_describes_every_variable_as_a_table() -> None:
    table = describe_settings(Sample)
    assert "| `DATABASE_URL` | text | required | Postgres of this service |" in table
    assert "| `API_SECRET` | secret | required |  |" in table
    assert "| `SAMPLE_ENABLED` | true or false | `false` |  |" in table
    assert "| `SAMPLE_PEERS` | comma separated list | unset |  |" in table
    assert "| `SAMPLE_NOTE` | text | unset | a \\| in it |" in table
