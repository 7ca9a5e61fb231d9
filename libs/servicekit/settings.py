"""Settings from the environment, typed and frozen, with refusals an operator can act on.

A service declares each variable once, under its exact name:

    class Settings(ServiceSettings):
        database_url: str = Field(alias="DATABASE_URL", description="Postgres of this service")
"""

import os
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, SecretBytes, SecretStr, ValidationError
from pydantic_core import ErrorDetails, PydanticUndefined
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

ENV_FILE_VARIABLE = "ENV_FILE"
ENV_FILE_DEFAULT = ".env"
_SECRET_TYPES = (SecretStr, SecretBytes)


def _split_commas(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas)]
"""A comma separated list, as the operator writes it."""


class SettingsRefused(Exception):  # noqa: N818 - it reads as what happened
    """The environment does not make valid settings; the text names each variable and its remedy."""


class ServiceSettings(BaseSettings):
    """Base of each service's settings: exact names, empty means unset, secrets without defaults."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        case_sensitive=True,
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    @classmethod
    def load(cls) -> Self:
        """Read `ENV_FILE` (default `.env`) and then the environment, which wins.

        Raises:
            SettingsRefused: a variable is missing or wrong; the text holds no value, so no secret.
        """
        env_file = os.environ.get(ENV_FILE_VARIABLE) or ENV_FILE_DEFAULT
        if ENV_FILE_VARIABLE in os.environ and not os.path.isfile(env_file):  # noqa: PTH113 - one stat, no path work
            raise SettingsRefused(f"{ENV_FILE_VARIABLE}: there is no file {env_file}")
        try:
            return cls(_env_file=env_file)
        except ValidationError as refused:
            lines = [_refusal_line(cls, detail) for detail in refused.errors(include_input=False)]
        except SettingsError as refused:
            lines = [str(refused)]
        raise SettingsRefused("\n".join(["The settings are not valid:", *lines])) from None


def describe_settings(settings: type[ServiceSettings]) -> str:
    """A markdown table of a service's variables, for its documentation."""
    rows = ["| Variable | Type | Default | Meaning |", "|---|---|---|---|"]
    for name, field in settings.model_fields.items():
        default = _default_text(field.get_default(call_default_factory=False))
        meaning = (field.description or "").replace("|", "\\|")
        rows.append(
            f"| `{field.alias or name}` | {_type_text(field.annotation)} | {default} | {meaning} |"
        )
    return "\n".join(rows) + "\n"


def _refusal_line(settings: type[ServiceSettings], detail: ErrorDetails) -> str:
    if not detail["loc"]:
        return f"  {detail['msg']}"
    variable = str(detail["loc"][0])
    field = next(
        (f for name, f in settings.model_fields.items() if variable in (f.alias, name)), None
    )
    meaning = f" ({field.description})" if field is not None and field.description else ""
    if detail["type"] == "missing":
        return f"  {variable} is not set{meaning}: set it in the environment or in ENV_FILE"
    secret = field is not None and _is_secret(field.annotation)
    # A validator's own text may quote the value, so a secret's is never shown.
    problem = "its value is not valid" if secret else detail["msg"]
    return f"  {variable}{meaning}: {problem}"


def _is_secret(annotation: Any) -> bool:
    return annotation in _SECRET_TYPES or any(
        _is_secret(argument) for argument in getattr(annotation, "__args__", ())
    )


def _default_text(default: Any) -> str:
    if default is PydanticUndefined:
        return "required"
    if default is None or default in ((), ""):
        return "unset"
    text = ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
    return f"`{text.lower() if isinstance(default, bool) else text}`"


def _type_text(annotation: Any) -> str:
    names = {
        str: "text",
        int: "integer",
        float: "number",
        bool: "true or false",
        SecretStr: "secret",
        SecretBytes: "secret",
    }
    arguments = getattr(annotation, "__args__", ())
    if annotation in names:
        return names[annotation]
    if getattr(annotation, "__origin__", None) is tuple:
        return "comma separated list"
    if type(None) in arguments:
        return " or ".join(_type_text(a) for a in arguments if a is not type(None))
    return getattr(annotation, "__name__", str(annotation)).lower()
