"""A server that is killed at work: its clients learn of it, and the next one on the same folders is clean."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ..host.comfyui_host import ComfyUIHost
from ..parity.http.caller import Reply, call
from .asks import picture, plain
from .load import TIMEOUT, left_over, pictures_of

_POLL = 0.02
_START = 600.0
"""Seconds that a server may take to start on a busy machine."""

_CLIENTS = 4
_OPTION = {"CLIP_stop_at_last_layers": 2}


def kill(models: Mapping[str, Sequence[Path]], checkpoint: str, env: Mapping[str, str]) -> list[str]:
    """Kill a server while it draws for several clients, and start another one on its folders; the problems."""
    with tempfile.TemporaryDirectory(prefix="hires-fix-killed-") as folder:
        return _Killing(
            lambda: ComfyUIHost(base=Path(folder), models=models, env=env, start_timeout=_START), checkpoint
        ).problems()


class _Killing:
    def __init__(self, host: Callable[[], ComfyUIHost], checkpoint: str) -> None:
        self._host, self._shared = host, {"sd_model_checkpoint": checkpoint}

    def problems(self) -> list[str]:
        found = []
        body = plain("a fox", 5, self._shared)
        with self._host() as host:
            before = pictures_of(_post(host, "txt2img", body).content)
            _post(host, "options", _OPTION)
            replies = self._killed(host)
        for reply in replies:
            if reply.status is not None:
                found.append(f"a client of the killed server got {reply.status}")
        with self._host() as host:
            found += [f"after the next start, {line}" for line in left_over(host.base)]
            temporary = [file.name for file in (host.base / "temp").rglob("*") if file.is_file()]
            found += [f"after the next start, temp has {name}" for name in temporary]
            kept = call(_port(host), "GET", "/sdapi/v1/options", None, {}, TIMEOUT).content
            if any(kept[name] != value for name, value in _OPTION.items()):
                found.append("the settings that clients had made are lost")
            _post(host, "options", dict.fromkeys(_OPTION, 1))
            after = pictures_of(_post(host, "txt2img", body).content)
            if [picture.tobytes() for picture in after] != [picture.tobytes() for picture in before]:
                found.append("the next server draws another picture")
        return found

    def _killed(self, host: ComfyUIHost) -> list[Reply]:
        long = {**plain("long", 7, self._shared, steps=150, n_iter=9), "init_images": [picture(3)]}
        with ThreadPoolExecutor(_CLIENTS) as pool:
            running = [pool.submit(_post, host, "img2img", {**long, "seed": seed}) for seed in range(_CLIENTS)]
            while True:
                state = call(_port(host), "GET", "/sdapi/v1/progress", None, {}, TIMEOUT).content["state"]
                if state["sampling_step"] > 1:
                    break
                time.sleep(_POLL)
            os.kill(host.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
            return [one.result() for one in running]


def _port(host: ComfyUIHost) -> int:
    return int(host.url.rpartition(":")[2])


def _post(host: ComfyUIHost, path: str, body: Any) -> Reply:
    return call(_port(host), "POST", f"/sdapi/v1/{path}", json.dumps(body).encode(), {}, TIMEOUT)
