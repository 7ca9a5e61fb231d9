"""A real Chromium, driven by Playwright."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest
from playwright.async_api import Page, async_playwright, expect

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
APPEARS_MS_MAX: Final = 30_000
# Without a display or a user namespace, and without calls to anybody outside.
ARGUMENTS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@asynccontextmanager
async def open_page() -> AsyncIterator[tuple[Page, list[str]]]:
    """A page of a fresh browser, and what scripts and policies complained of on it.

    Skips where no Chromium is installed.
    """
    found = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium is installed (apt-get install chromium)")
    complaints: list[str] = []
    expect.set_options(timeout=APPEARS_MS_MAX)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        try:
            page = await browser.new_page()
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on(
                "console",
                lambda said: complaints.append(said.text) if said.type == "error" else None,
            )
            yield page, complaints
        finally:
            await browser.close()
