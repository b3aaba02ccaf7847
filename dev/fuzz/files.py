"""What a run has left on the disk: only whole pictures, only where results belong."""

from __future__ import annotations

import shutil
from collections.abc import Set
from pathlib import Path

from PIL import Image

from .judge import Finding

RESULTS = ("output", "temp")
UNWATCHED = ("server.log", "user", "temp", "output")
"""Names in the server's folder that change by themselves, or are looked at on their own."""

RESUMABLE = (".part", ".part.json")
"""Endings of what a job that was stopped keeps, so that it can go on."""


class Disk:
    """The folders of a server."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self._elsewhere = self._others()

    def look(self, is_over: bool) -> list[Finding]:
        """Judge what has come, and clear the results away. `is_over` False: the run was stopped or has failed."""
        findings = []
        for file in _files(self.base / "output"):
            problem = _problem(file, is_over)
            if problem:
                findings.append(Finding("file", file.suffix, f"{file.name[:80]!r}: {problem}"))
        for new in sorted(self._others() - self._elsewhere):
            findings.append(Finding("file", "elsewhere", f"{new[:120]!r} is outside of the output folder"))
        for name in RESULTS:
            for entry in (self.base / name).iterdir():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        self._elsewhere = self._others()
        return findings

    def _others(self) -> Set[str]:
        folders = [entry for entry in self.base.iterdir() if entry.name not in UNWATCHED and not entry.is_symlink()]
        inside = {str(file) for folder in folders for file in _files(folder)}
        beside = {str(file) for file in self.base.parent.glob("up*")}
        return inside | beside


def _files(folder: Path) -> list[Path]:
    if folder.is_file():
        return [folder]
    # links lead to what is shared: the checkout, the models
    files = [file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]
    return [file for file in files if "hires-fix" not in file.parts]


def _problem(file: Path, is_over: bool) -> str:
    if file.suffix == ".safetensors":  # of a probe
        return ""
    if file.name.endswith(RESUMABLE):
        return "unfinished, and the run is over" if is_over else ""
    try:
        with Image.open(file) as image:
            image.load()
    except Exception as first:
        try:
            import tifffile

            tifffile.imread(file)
        except Exception:
            return f"does not open: {first}"
    return ""
