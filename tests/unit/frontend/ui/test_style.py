"""Colours of the admin UI: text is readable on what it stands on, in both schemes (WCAG 1.4.3)."""

import re

import pytest

from services.frontend.ui.web import FOLDER

CSS = (FOLDER / "static" / "admin.css").read_text()
TEXT_CONTRAST_MIN = 4.5
BORDER_CONTRAST_MIN = 3.0
ON_SURFACES = [
    (text, surface)
    for text in ("text", "muted", "accent", "accent-strong", "bad")
    for surface in ("page", "surface", "raised")
]
ON_TINTS = [
    *(("good", "good-soft"), ("warn", "warn-soft"), ("bad", "bad-soft")),
    *(("accent-strong", "accent-soft"), ("accent", "accent-soft"), ("text", "accent-soft")),
    *(("muted", "accent-soft"), ("on-accent", "accent"), ("on-accent", "accent-strong")),
    ("accent", "warn-soft"),
]


def colours(scheme: str) -> dict[str, str]:
    blocks = re.findall(r":root \{([^}]*)\}", CSS)
    found: dict[str, str] = {}
    for block in blocks[: 1 if scheme == "light" else 2]:
        found |= dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))
    return found


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("text", "surface"), ON_SURFACES + ON_TINTS)
def test_text_is_readable(scheme: str, text: str, surface: str) -> None:
    known = colours(scheme)
    assert contrast(known[text], known[surface]) >= TEXT_CONTRAST_MIN


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_edges_of_fields_are_seen(scheme: str) -> None:
    known = colours(scheme)
    assert contrast(known["line-strong"], known["surface"]) >= BORDER_CONTRAST_MIN
