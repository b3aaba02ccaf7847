"""Tiled Redraw as a job that faults befall: its master is a real ComfyUI, and so is every worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import distributed
import numpy as np
from PIL import Image

from ...hires.plan.upscale import THIS_DEVICE
from ...machines.entries import FILE
from ..demo import checkpoint as demo_checkpoint
from ..fixtures.library import DEMO_FOLDER
from ..host.comfy_client import ClientError, ComfyClient
from ..host.comfyui_host import ComfyUIHost
from .watch import Watch

_TILE, _OVERLAP = 128, 32


class Redraw:
    """A picture redrawn again and again, each time to a folder of its own."""

    def __init__(self, folder: Path, width: int) -> None:
        """`folder`: for the ComfyUI; `width`: of the picture, in pixels."""
        checkpoint = demo_checkpoint.ensure(DEMO_FOLDER)
        models = {"checkpoints": [checkpoint]}
        self._name = checkpoint.name
        self._host = ComfyUIHost(base=folder / "base", models=models, env={"OMP_NUM_THREADS": "1"})
        source = self._host.base / "input" / "source"
        source.mkdir(parents=True)
        levels = np.random.default_rng(1).integers(0, 256, (max(1, width // 64), max(1, width // 32), 3), np.uint8)
        Image.fromarray(levels).resize((width, width // 2), Image.Resampling.BICUBIC).save(source / "a.png")

        across, down = (-(-(side - _OVERLAP) // (_TILE - _OVERLAP)) for side in (width, width // 2))
        self.windows = across * down
        """About as many there are."""

    @property
    def comfyui(self) -> list[str]:
        """What workers need: the folder of ComfyUI, and its arguments."""
        base = ["--base-directory", str(self._host.base), "--disable-api-nodes", "--disable-all-custom-nodes"]
        packs = ["--whitelist-custom-nodes", *(path.name for path in (self._host.base / "custom_nodes").iterdir())]
        return [str(self._host.comfyui), *base, *packs, "--cpu"]

    def target(self, name: str) -> Path:
        """Where a run of that name leaves its picture."""
        return self._host.base / "output" / name

    def start(self, name: str, scheduler: str, watch: Watch) -> Master:
        """Queue it. `scheduler`: of the workers; empty for this ComfyUI alone. `watch`: what befalls the workers."""
        if not self._host.alive:
            self._host.start()
        workers = "some" if scheduler else THIS_DEVICE
        if scheduler:
            (self._host.base / "user" / FILE).write_text(f"some:\n  scheduler: {scheduler}\n", encoding="utf-8")
            with distributed.Client(scheduler, set_as_default=False) as client:
                client.register_plugin(watch)
        return Master(self._host, self._graph(name, workers))

    def stop(self) -> None:
        self._host.stop()

    def _graph(self, name: str, workers: str) -> dict[str, dict[str, Any]]:
        """With noise in every step: a window that gets another one's would be another one."""
        node = {
            "model": ["1", 0], "vae": ["1", 2], "positive": ["2", 0], "negative": ["3", 0], "noise": ["4", 0],
            "input_folder": "source", "output_folder": name, "file_name": "{name}", "include": "*", "recursive": False,
            "resize_mode": "scale by", "upscaling_resize": 1.0, "upscaling_resize_w": 64, "upscaling_resize_h": 64,
            "upscaling_crop": True, "max_side": 0, "steps": 2, "cfg": 2.0, "sampler_name": "euler_ancestral",
            "scheduler": "normal", "denoising_strength": 0.5, "tile_size": _TILE, "overlap": _OVERLAP,
            "blending": "soft", "format": "as input", "bit_depth": "auto", "quality": 95, "existing": "skip",
            "workers": workers,
        }  # fmt: skip
        return {
            "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": self._name}},
            "2": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["1", 1], "text": "a lake"}},
            "3": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["1", 1], "text": "blurred"}},
            "4": {"class_type": "RandomNoise", "inputs": {"noise_seed": 4}},
            "5": {"class_type": "HiresFixTiledRedraw", "inputs": node},
        }


class Master:
    """A ComfyUI at work: what `run.Bench` asks of a process."""

    def __init__(self, host: ComfyUIHost, graph: dict[str, dict[str, Any]]) -> None:
        self._host, self._graph, self._problem = host, graph, ""
        self._thread = threading.Thread(target=self._queue, daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        return self._host.pid

    def poll(self) -> int | None:
        return None if self._thread.is_alive() else int(bool(self._problem))

    def wait(self, timeout: float | None = None) -> int:
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise subprocess.TimeoutExpired("ComfyUI", timeout or 0)
        if self._problem:
            print(self._problem, file=sys.stderr, flush=True)
        return int(bool(self._problem))

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self._host.wait()
        self._thread.join()
        self._problem = ""

    def _queue(self) -> None:
        try:
            run = ComfyClient(self._host.url).queue(self._graph)
        except ClientError as error:
            self._problem = str(error)
            return
        if run.status != "success":
            self._problem = f"{run.status}: {run.explanation()}"
