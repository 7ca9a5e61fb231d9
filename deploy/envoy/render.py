"""Templates and settings to one YAML text that Envoy can start from."""

from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from deploy.envoy import errors, headers, routes
from deploy.envoy.settings import ROOT, Address, EnvoySettings

TEMPLATES: Final = ROOT / "envoy"


def render(settings: EnvoySettings) -> str:
    """The configuration as YAML."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - the output is YAML; strings pass through tojson
    )
    environment.filters["seconds"] = seconds
    return environment.get_template("envoy.yaml.j2").render(
        settings=settings,
        limits=settings.limits,
        routes=routes,
        errors=errors,
        headers=headers,
        surfaces=list(routes.Surface),
        cluster_type=cluster_type,
        transcoded_services=[
            *routes.SERVICES[routes.Services.RESOURCES],
            *routes.SERVICES[routes.Services.GRANT],
        ],
    )


def write(settings: EnvoySettings, path: Path) -> None:
    """Render into a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(settings))


def seconds(value: float) -> str:
    """A duration as protobuf's JSON writes it."""
    return f"{value:g}s"


def cluster_type(addresses: tuple[Address, ...]) -> str:
    """How Envoy finds the workers: as given, or by looking their names up."""
    return "STATIC" if all(address.is_ip for address in addresses) else "STRICT_DNS"
