"""Start a real ComfyUI as its own process, isolated from everything else, and stop it again."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from ..mount import ROOT

try:
    import _winapi
except ImportError:  # not Windows
    _winapi = None

PACK_NAME = "hires-fix"
"""Name of the pack's folder, as released: it becomes the pack's name in the server."""

_MODEL_KINDS = ("checkpoints", "upscale_models")


class HostError(Exception):
    """The server did not start, or died. The message ends with the last lines of its log."""


def default_comfyui() -> Path:
    """The installation that dev.py chose (variable HIRES_FIX_COMFYUI), else the pinned one."""
    return Path(os.environ.get("HIRES_FIX_COMFYUI") or ROOT / ".host" / "ComfyUI")


@lru_cache
def has_accelerator(python: Path) -> bool:
    """Whether the torch of that Python sees a device other than the CPU."""
    question = (
        "import torch, sys; found = torch.accelerator.is_available() if hasattr(torch, 'accelerator') "
        "else torch.cuda.is_available(); sys.exit(0 if found else 1)"
    )
    return subprocess.run([str(python), "-c", question], capture_output=True, check=False).returncode == 0


class ComfyUIHost:
    """A server on 127.0.0.1 and a free port. Use as a context manager, or call `start` and `stop`.

    Inputs, outputs, models, users and custom nodes live in `base`, not in the installation. With `base` None it is
    a temporary folder that disappears with the server.
    """

    def __init__(
        self,
        comfyui: Path | None = None,
        python: Path | None = None,
        base: Path | None = None,
        pack: bool = True,
        extra_packs: Sequence[Path] = (),
        models: Mapping[str, Sequence[Path]] | None = None,
        arguments: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        start_timeout: float = 180.0,
    ) -> None:
        """`comfyui` is the folder with main.py (default: see `default_comfyui`), `python` its interpreter (default:
        this one). `pack` False leaves this checkout out. `extra_packs` are further folders to load as custom nodes.
        `models` maps a kind ("checkpoints", "upscale_models", …) to files, which are linked into `base`.
        """
        self.comfyui = comfyui or default_comfyui()
        self.python = python or Path(sys.executable)
        self.pack = pack
        self.extra_packs = [Path(folder) for folder in extra_packs]
        self.models = {kind: list(files) for kind, files in (models or {}).items()}
        self.arguments = list(arguments)
        self.env = dict(env or {})
        self.start_timeout = start_timeout
        self.url = ""
        """Address of the running server, e.g. "http://127.0.0.1:43521"."""
        self._temporary = base is None
        self.base = Path(tempfile.mkdtemp(prefix="hires-fix-host-")) if base is None else base.absolute()
        self.log_file = self.base / "server.log"
        self._kept_log = ""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> ComfyUIHost:
        """Start the server and wait until it answers. Raises `HostError` if it dies or a pack fails to import."""
        if not (self.comfyui / "main.py").is_file():
            raise HostError(f"There is no ComfyUI in {self.comfyui}; run `python3 dev.py test` once to get one.")
        try:
            packs = self._furnish()
            port = _free_port()
            self.url = f"http://127.0.0.1:{port}"
            with open(self.log_file, "wb") as log:
                self._process = subprocess.Popen(
                    self._command(port, packs),
                    cwd=self.comfyui,
                    env={**os.environ, **self.env},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    # a session of its own: Ctrl-C reaches only us, and we stop the server in an orderly way
                    start_new_session=True,
                )
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop the server that `start` started: ask, then kill. Does nothing if it has ended already."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._temporary and self.base.exists():
            self._kept_log = self.log()
            shutil.rmtree(self.base, ignore_errors=True)

    def wait(self) -> None:
        """Block until the server ends by itself."""
        if self._process is not None:
            self._process.wait()

    def __enter__(self) -> ComfyUIHost:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def alive(self) -> bool:
        """Whether the server process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        assert self._process is not None, "the server was not started"
        return self._process.pid

    def log(self) -> str:
        """Everything the server has printed."""
        exists = self.log_file.exists()
        return self.log_file.read_text(encoding="utf-8", errors="replace") if exists else self._kept_log

    def log_tail(self, lines: int = 40) -> str:
        """The last lines of the log."""
        return "\n".join(self.log().splitlines()[-lines:])

    def _furnish(self) -> list[str]:
        """Fill the base folder; returns the names of the packs to load."""
        for name in ("input", "output", "temp", "user", "custom_nodes", *(f"models/{kind}" for kind in _MODEL_KINDS)):
            (self.base / name).mkdir(parents=True, exist_ok=True)
        packs = {PACK_NAME: ROOT} if self.pack else {}
        packs |= {folder.name: folder for folder in self.extra_packs}
        for name, folder in packs.items():
            _link(self.base / "custom_nodes" / name, folder)
        for kind, files in self.models.items():
            (self.base / "models" / kind).mkdir(parents=True, exist_ok=True)
            for file in files:
                _link(self.base / "models" / kind / file.name, file)
        return list(packs)

    def _command(self, port: int, packs: Sequence[str]) -> list[str]:
        command = [str(self.python), "main.py", "--listen", "127.0.0.1", "--port", str(port)]
        command += ["--disable-auto-launch", "--disable-api-nodes", "--database-url", "sqlite:///:memory:"]
        command += ["--base-directory", str(self.base), "--disable-all-custom-nodes"]
        if packs:
            command += ["--whitelist-custom-nodes", *packs]
        if not has_accelerator(self.python):
            command.append("--cpu")
        return command + self.arguments

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + self.start_timeout
        while not self._answers():
            if not self.alive:
                raise HostError(f"ComfyUI ended while it was starting. The end of its log:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                limit = f"{self.start_timeout:g} s"
                raise HostError(f"ComfyUI did not answer within {limit}. The end of its log:\n{self.log_tail()}")
            time.sleep(0.1)
        # the exit status and the answer are fine even when a pack failed: only the log tells
        if re.search(r"IMPORT FAILED|Cannot import .* module for custom nodes", self.log()):
            raise HostError(f"A node pack failed to import. The server's log:\n{self.log_tail(80)}")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/system_stats", timeout=2) as answer:
                return answer.status == 200
        except OSError:  # refused, reset or timed out: not up yet
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _link(link: Path, target: Path) -> None:
    """A symbolic link, in place of an older one; where a Windows account may make none, a junction or a copy."""
    target = target.absolute()
    link.unlink(missing_ok=True)
    try:
        link.symlink_to(target, target_is_directory=target.is_dir())
    except OSError:
        if _winapi is None:
            raise
        if target.is_dir():
            _winapi.CreateJunction(str(target), str(link))
        else:
            shutil.copyfile(target, link)
