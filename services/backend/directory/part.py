"""What the directory adds to a process."""

from servicekit.parts import Heard, Part

from services.backend.changes.announcement import DIRECTORY_CHANNEL
from services.backend.directory.worker import Directory


def part(directory: Directory) -> Part:
    """That it hears of changes."""
    heard = Heard(on_notify=directory.on_notify, on_reload=directory.reload)
    return Part(channels={DIRECTORY_CHANNEL: heard})
