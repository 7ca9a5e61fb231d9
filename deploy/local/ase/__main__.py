"""`python -m deploy.local.ase`: one bank, as its environment says."""

import uvicorn
from servicekit.clock import SystemClock

from deploy.local.ase.app import create_app
from deploy.local.ase.settings import Settings
from deploy.local.ports import LOOPBACK


def main() -> None:
    """Serve until told to stop."""
    settings = Settings.from_environment()
    app = create_app(settings, SystemClock())
    uvicorn.run(app, host=LOOPBACK, port=settings.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
