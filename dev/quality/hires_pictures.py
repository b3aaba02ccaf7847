"""Draws the pictures that hires fix is judged by, with the pack's nodes on real ComfyUI servers."""

from __future__ import annotations

import io
import json
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from ..demo.direct_sampling import add_direct
from ..host.comfy_client import ComfyClient, Graph
from ..host.comfyui_host import ComfyUIHost
from ..mount import ROOT

WORKFLOW = ROOT / "workflows" / "api" / "hires-fix-pixel.json"

BATCH = 8
"""Pictures of one prompt at once, at most."""

FIRST_SEED, SEEDS_APART = 100, 1000
"""Of the first prompt, and from one prompt's to the next one's."""


@dataclass(frozen=True)
class Settings:
    """What the saved workflow is given, the same for all ways; sizes in pixels."""

    checkpoint: str
    upscaler: str
    negative_prompt: str = ""
    size: int = 128
    """Width and height of the base picture: what the checkpoint was trained for."""
    factor: int = 2
    steps: int = 12
    cfg: float = 4.0
    sampler: str = "DPM++ 2M"
    scheduler: str = "Karras"
    denoising_strength: float = 0.4
    precision: str = "default"
    """Of the UNet: "default" (the host's choice) or "bf16", which is twice as fast on a CPU that knows it."""


@dataclass(frozen=True)
class Batch:
    """One prompt with consecutive seeds: drawn by one run of the workflow."""

    prompt: str
    first_seed: int
    count: int


@dataclass(frozen=True)
class Drawn:
    """All ways of one seed."""

    prompt: str
    seed: int
    base: Image.Image
    hires: Image.Image
    """Base, upscaled with the model, drawn again."""
    direct: Image.Image
    """Sampled at the size of `hires` from the start."""

    @property
    def enlarged(self) -> Image.Image:
        """The base by Lanczos alone."""
        return self.base.resize(self.hires.size, Image.Resampling.LANCZOS)


def batches(prompts: Sequence[str], seeds: int) -> list[Batch]:
    """Deal the seeds to the prompts in turn: the first to the first prompt, and so on, round and round."""
    dealt = []
    for index, prompt in enumerate(prompts):
        count = len(range(index, seeds, len(prompts)))
        for start in range(0, count, BATCH):
            dealt.append(Batch(prompt, FIRST_SEED + index * SEEDS_APART + start, min(BATCH, count - start)))
    return dealt


def graph_of(batch: Batch, settings: Settings) -> tuple[Graph, dict[str, str]]:
    """The saved workflow with these values, and the ids of the nodes that show "base", "hires" and "direct"."""
    graph: Graph = json.loads(WORKFLOW.read_text(encoding="utf-8"))
    titles = {node["_meta"]["title"]: node_id for node_id, node in graph.items()}
    del graph[titles["Before | after"]]  # only for people to see
    values: dict[str, Any] = {
        "ckpt_name": settings.checkpoint, "upscaler_name": settings.upscaler, "seed": batch.first_seed,
        "batch_size": batch.count, "hr_scale": float(settings.factor), "steps": settings.steps, "cfg": settings.cfg,
        "sampler_name": settings.sampler, "scheduler": settings.scheduler,
        "denoising_strength": settings.denoising_strength,
    }  # fmt: skip
    for node in graph.values():
        node["inputs"] |= {name: value for name, value in values.items() if name in node["inputs"]}
    loader, precision = titles["Load Checkpoint"], "precision"
    for node in graph.values():
        if node["inputs"].get("model") == [loader, 0]:
            node["inputs"]["model"] = [precision, 0]
    graph[precision] = {
        "class_type": "ModelComputeDtype",
        "inputs": {"model": [loader, 0], "dtype": settings.precision},
        "_meta": {"title": "Precision"},
    }
    graph[titles["Empty Latent Image"]]["inputs"] |= {"width": settings.size, "height": settings.size}
    graph[titles["Prompt"]]["inputs"]["text"] = batch.prompt
    graph[titles["Negative prompt"]]["inputs"]["text"] = settings.negative_prompt
    result = graph[titles["Save Image"]]
    result["class_type"], result["inputs"] = "PreviewImage", {"images": result["inputs"]["images"]}
    direct = add_direct(graph, settings.factor)
    samples, vae = [titles["Base Sampling"], 0], [loader, 2]
    graph["base-picture"] = {"class_type": "VAEDecode", "inputs": {"samples": samples, "vae": vae}}
    graph["base"] = {"class_type": "PreviewImage", "inputs": {"images": ["base-picture", 0]}}
    return graph, {"base": "base", "hires": titles["Save Image"], "direct": direct}


def draw(client: ComfyClient, batch: Batch, settings: Settings) -> list[Drawn]:
    """Run one batch. Raises `ClientError` if it fails."""
    graph, shown = graph_of(batch, settings)
    run = client.queue(graph, timeout=3600).require_success()
    ways = {way: [_opened(content) for content in run.images(node)] for way, node in shown.items()}
    return [
        Drawn(batch.prompt, batch.first_seed + index, **{way: pictures[index] for way, pictures in ways.items()})
        for index in range(batch.count)
    ]


def draw_all(
    checkpoint: Path, todo: Sequence[Batch], settings: Settings, jobs: int, say: Callable[[str], None]
) -> Iterator[list[Drawn]]:
    """Draw every batch on `jobs` servers at once; yields them as they get ready.

    Raises `HostError` if a server did not start, `ClientError` if a run failed or its server went away.
    """
    waiting: queue.SimpleQueue[Batch] = queue.SimpleQueue()
    for batch in todo:
        waiting.put(batch)
    ready: queue.SimpleQueue[list[Drawn] | BaseException | None] = queue.SimpleQueue()
    hosts = [_host(checkpoint) for _ in range(min(jobs, len(todo)))]

    def work(host: ComfyUIHost) -> None:
        try:
            client = ComfyClient(host.start().url)
            while True:
                ready.put(draw(client, waiting.get_nowait(), settings))
        except queue.Empty:
            ready.put(None)
        except BaseException as problem:  # handed to the caller
            ready.put(problem)

    threads = [threading.Thread(target=work, args=(host,), daemon=True) for host in hosts]
    started, wanted, done, working = time.monotonic(), sum(batch.count for batch in todo), 0, len(threads)
    for thread in threads:
        thread.start()
    try:
        while working:
            found = ready.get()
            if isinstance(found, BaseException):
                raise found
            if found is None:
                working -= 1
                continue
            done += len(found)
            say(f"  [{done}/{wanted}] {time.monotonic() - started:.0f} s  {found[0].prompt}")
            yield found
    finally:
        for host in hosts:  # also ends a run that nobody waits for any more
            host.stop()


def _host(checkpoint: Path) -> ComfyUIHost:
    threads = os.environ.get("OMP_NUM_THREADS", "1")  # two servers use two cores better than two threads of one do
    return ComfyUIHost(models={"checkpoints": [checkpoint]}, env={"OMP_NUM_THREADS": threads})


def _opened(content: bytes) -> Image.Image:
    with Image.open(io.BytesIO(content)) as picture:
        return picture.convert("RGB")
