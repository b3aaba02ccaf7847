"""Find a Chromium or Chrome for the tests of the editor. Standard library only."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
"""Where it lies on systems that do not put programs on the search path."""

PACKAGES = ("chromium", "fonts-dejavu-core")
MISSING = (
    "The tests of the editor need Chromium or Chrome, and none was found. Install it (on Debian: `apt-get install "
    f"--no-install-recommends {' '.join(PACKAGES)}`), or name the program in the variable CHROMIUM_PATH."
)


def find() -> Path | None:
    """Return the browser that CHROMIUM_PATH names, else the first one found, else None."""
    asked = os.environ.get("CHROMIUM_PATH")
    candidates = [asked] if asked else [*(shutil.which(name) for name in NAMES), *PLACES]
    return next((Path(path) for path in candidates if path and Path(path).is_file()), None)
