"""Writes the tables of settings in docs/OPERATING.md from the services' own declarations."""

import re
import sys
from pathlib import Path

from servicekit.settings import describe_settings

from services.auth.settings import AuthSettings
from services.backend.settings import BackendSettings
from services.frontend.settings import FrontendSettings

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "OPERATING.md"
SERVICES = {
    "backend": BackendSettings,
    "auth": AuthSettings,
    "frontend": FrontendSettings,
}


def rendered(text: str) -> str:
    """The document with each table between its markers replaced."""
    for name, settings in SERVICES.items():
        begin, end = f"<!-- settings:{name} -->", f"<!-- /settings:{name} -->"
        table = f"{begin}\n{describe_settings(settings)}{end}"
        text = re.sub(f"{begin}.*?{end}", lambda _, table=table: table, text, flags=re.DOTALL)  # type: ignore[misc] # a default binds the loop's value
    return text


def main() -> None:
    """Write the document, or with --check say whether it is fresh."""
    text = DOCUMENT.read_text()
    if "--check" in sys.argv:
        sys.exit(0 if text == rendered(text) else "docs/OPERATING.md is stale: run `make docs`")
    DOCUMENT.write_text(rendered(text))


if __name__ == "__main__":
    main()
