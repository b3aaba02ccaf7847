"""How soon a cancelled job with workers has ended, on a real ComfyUI, and whether anything of it stays."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from ...hires.plan.upscale import THIS_DEVICE as ALONE
from ...machines.entries import FILE
from ...machines.serving import WORKER
from ..fixtures import upscalers
from ..host.comfy_client import ComfyClient
from ..host.comfyui_host import ComfyUIHost

GOAL = 0.5
"""Seconds."""

_MOMENTS = {"while processes start": (0, 1.0), "at work": (1, 0.0)}
"""After so many reports of progress, and seconds."""

_END = 60.0
"""Seconds in which processes have ended: a job does not wait for them."""


@dataclass(frozen=True)
class Cancel:
    job: str
    workers: int
    moment: str
    seconds: float
    """From the request to the message that the job has ended."""
    processes_left: int
    files_left: int

    @property
    def is_right(self) -> bool:
        return (self.seconds <= GOAL or not self.workers) and not self.processes_left and not self.files_left


def cancels(folder: Path, workers: int) -> Iterator[Cancel]:
    """Cancel a folder and the windows of one picture. `folder`: for what is made meanwhile. Without workers, too: the
    host collects garbage at the end of a job, and its message waits for that."""
    source, models = folder / "source", folder / "models"
    source.mkdir(parents=True)
    models.mkdir()
    upscalers.write_all(models)
    numbers = np.random.default_rng(1)
    for index in range(40):
        _picture(source / f"{index:02}.png", 256, numbers)
    owned = folder / "paths.yaml"
    owned.write_text(f"mine:\n    hires_fix_folders: {folder}\n", encoding="utf-8")
    files = {"upscale_models": [models / upscalers.ESRGAN]}
    options = ("--extra-model-paths-config", str(owned))
    with ComfyUIHost(models=files, arguments=options, env={"OMP_NUM_THREADS": "1"}) as host:
        _picture(host.base / "input" / "large.png", 1024, numbers)
        listed = f"some:\n  processes: {max(1, workers)}\n  threads: 1\n"
        (host.base / "user" / FILE).write_text(listed, encoding="utf-8")
        for moment, (reports, seconds) in _MOMENTS.items():
            for job in ("folder", "windows"):
                target = folder / f"{job} {moment}"
                graph = _graph(job, source, target, "some" if workers else ALONE)
                run = ComfyClient(host.url).queue(
                    graph, interrupt_at="2", after_progress=reports, after_seconds=seconds
                )
                if run.status != "interrupted":
                    raise RuntimeError(f"{job}: {run.status} {run.explanation()}")
                left = _processes()
                until = time.monotonic() + _END
                while left and time.monotonic() < until:
                    time.sleep(0.1)
                    left = _processes()
                odd = [path for path in target.rglob("*") if path.suffix != ".png" or path.name.startswith(".")]
                yield Cancel(job, workers, moment, run.interrupted_in, len(left), len(odd))


def _picture(path: Path, side: int, numbers: np.random.Generator) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(numbers.integers(0, 256, (side, side, 3), np.uint8)).save(path, compress_level=1)


def _graph(job: str, source: Path, target: Path, workers: str) -> dict[str, dict]:
    node = {"upscaler": ["1", 0], "resize_mode": "scale by", "upscaling_resize": 4.0, "upscaling_crop": True}
    node |= {"upscaling_resize_w": 64, "upscaling_resize_h": 64, "tile_size": 128, "tile_overlap": 8}
    node |= {"workers": workers}
    loader = {"class_type": "HiresFixUpscalerLoader", "inputs": {"upscaler_name": upscalers.ESRGAN}}
    if job == "folder":
        node |= {"input_folder": str(source), "output_folder": str(target), "file_name": "{name}", "include": "*"}
        node |= {"recursive": False, "max_side": 0, "format": "as input", "bit_depth": "auto", "quality": 95}
        node |= {"existing": "skip"}
        return {"1": loader, "2": {"class_type": "HiresFixUpscaleFolder", "inputs": node}}
    target.mkdir()
    return {
        "1": loader,
        "2": {"class_type": "HiresFixUpscaleImage", "inputs": {**node, "image": ["3", 0]}},
        "3": {"class_type": "LoadImage", "inputs": {"image": "large.png"}},
        "4": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "cancelled"}},
    }


def _processes() -> list[psutil.Process]:
    """Of workers, below this one."""
    found = []
    for one in psutil.Process().children(recursive=True):
        try:
            command = one.cmdline()
        except psutil.Error:
            continue
        if str(WORKER) in command or any("spawn_main" in word for word in command):
            found.append(one)
    return found
