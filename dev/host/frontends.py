"""Other versions of ComfyUI's editor than the one that the host brings, from the package index.

Each is unpacked once into `.host/frontends/`. Standard library only.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from ..mount import ROOT
from .steps import PreparationError, disk_errors_explained, lock, run_quietly, say

FOLDER = ROOT / ".host" / "frontends"
PROJECT = "comfyui-frontend-package"
NEWEST = "newest"
"""Asks the index which one it is."""

NEWEST_TRIED = "1.58.1"
"""The newest that `dev.py test` tries; a number, so that a run can be repeated."""

_STATIC = "comfyui_frontend_package/static/"


def ensure(version: str) -> Path:
    """Return the folder to give to the host as --front-end-root; its name is the version.

    `version`: a number such as "1.58.1", or `NEWEST`. Raises `PreparationError` with a sentence to act on.
    """
    if version != NEWEST and not re.fullmatch(r"\d+(\.\d+)+", version):
        raise PreparationError(
            f"A version of the frontend is a number such as {NEWEST_TRIED}, or {NEWEST}: not {version}."
        )
    with lock(FOLDER / "lock"), disk_errors_explained(FOLDER, "about 200 MB"):
        folder = FOLDER / version
        return folder if folder.is_dir() else _fetch(version)


def _fetch(version: str) -> Path:
    with tempfile.TemporaryDirectory(prefix="download-", dir=FOLDER) as temporary:
        wanted = PROJECT if version == NEWEST else f"{PROJECT}=={version}"
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--dest", temporary]
        command += ["--progress-bar", "off", wanted]
        env = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1")
        try:
            run_quietly(
                [*command, "--progress-bar", "off", wanted], f"downloading {wanted}, 30 MB", lambda _: None, env
            )
        except subprocess.CalledProcessError as problem:
            said = next(iter(problem.output.splitlines()[-1:]), "nothing")
            raise PreparationError(
                f"The frontend {version} cannot be had: pip found no {wanted} in the index that it is set to use "
                f"(`pip config list`), or could not reach it. It said: {said}"
            ) from problem
        (wheel,) = Path(temporary).glob("*.whl")
        folder = FOLDER / wheel.name.split("-")[1]
        if not folder.is_dir():
            say(f"unpacking the frontend {folder.name}")
            os.replace(_unpacked(wheel, Path(temporary)), folder)
        return folder


def _unpacked(wheel: Path, into: Path) -> Path:
    """What the host serves, without the maps to the sources, which are most of it."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith(_STATIC) and not name.endswith(".map")]
        archive.extractall(into, names)
    return into / _STATIC
