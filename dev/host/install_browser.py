"""Install Debian's Chromium when the tests of the editor would find no browser. Standard library only."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Sequence

from .browser import MISSING, PACKAGES, find
from .steps import run_quietly, say


def prepare() -> None:
    """See that there is a browser. Without one the other tests still run: this only says what is missing."""
    if find() is not None:
        return
    may_install = shutil.which("apt-get") is not None and hasattr(os, "geteuid") and os.geteuid() == 0
    if may_install and not os.environ.get("CHROMIUM_PATH"):
        _install()
    if find() is None:
        say(MISSING)


def _install() -> None:
    with contextlib.suppress(subprocess.CalledProcessError):  # a source that is not Debian's may be out of reach
        _apt(["update"], "asking for Debian's packages")
    try:
        _apt(["install", "--yes", "--no-install-recommends", *PACKAGES], "installing Chromium, 440 MB")
    except subprocess.CalledProcessError as problem:
        say("apt-get could not install it. The end of its output:\n" + "\n".join(problem.output.splitlines()[-10:]))


def _apt(arguments: Sequence[str], label: str) -> None:
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive", LC_ALL="C")
    run_quietly(["apt-get", "-o", "DPkg::Lock::Timeout=120", *arguments], label, _stage, env)


def _stage(line: str) -> str | None:
    """What a line of apt-get's output says about how far it is."""
    stages = {"Get:": "downloading", "Unpacking ": "unpacking", "Setting up ": "setting up"}
    return next((stage for sign, stage in stages.items() if line.startswith(sign)), None)
