"""Run the saved workflows on a real ComfyUI and write pictures to `output/`. Used by `dev.py demo`."""

from __future__ import annotations

import argparse
import io
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from .. import command_line
from ..demo import client as a1111_client
from ..demo.checkpoint import NAME as DEMO_CHECKPOINT
from ..demo.checkpoint import WeightsError, ensure, write_preview_decoder
from ..demo.jobs import DEMO, ON_CPU, PHOTO, SAVED, Drawing, Job, jobs, prepare_graph
from ..demo.sheet import before, detail, write_sheet
from ..host.comfy_client import ClientError, ComfyClient, Graph
from ..host.comfyui_host import ComfyUIHost, HostError
from ..mount import ROOT

OUTPUT, CHECKPOINTS = ROOT / "output", ROOT / ".host" / "demo"
KEPT_BASE = CHECKPOINTS / "base"


class DemoError(Exception):
    """Something the reader can act on."""


class Bars:
    """A progress bar for every node that reports steps, under the node's title."""

    def __init__(self, graph: Graph) -> None:
        self.titles = {i: node.get("_meta", {}).get("title", node["class_type"]) for i, node in graph.items()}
        self._bar: tqdm[Any] | None = None
        self._node = ""

    def __call__(self, node_id: str, value: int, maximum: int) -> None:
        """Take one report of the server."""
        if maximum <= 1:
            return
        if node_id != self._node:
            self.close()
            self._node = node_id
            title = self.titles.get(node_id, node_id)
            often = 0.1 if sys.stdout.isatty() else 3600.0
            self._bar = tqdm(total=maximum, desc=f"  {title:<18}", file=sys.stdout, ncols=88, mininterval=often)
        assert self._bar is not None
        self._bar.total = maximum
        self._bar.update(value - self._bar.n)

    def close(self) -> None:
        """End the bar that is shown."""
        if self._bar is not None:
            self._bar.close()
        self._bar, self._node = None, ""


def run_job(
    client: ComfyClient, job: Job, drawing: Drawing, checkpoint: str, images: dict[str, str]
) -> dict[str, bytes]:
    """Queue one job and write its pictures; returns them by file stem. Raises `DemoError` if a size is not exact."""
    graph = prepare_graph(job, drawing, checkpoint, images)
    started = time.monotonic()
    print(f"{job.workflow}", flush=True)
    bars = Bars(graph)
    try:
        run = client.queue(graph, on_progress=bars, timeout=1800).require_success()
    finally:
        bars.close()
    made = {}
    for node_id, node in graph.items():
        if node["_meta"]["title"] not in job.pictures:
            continue
        stem, wanted = job.pictures[node["_meta"]["title"]]
        size = wanted if isinstance(wanted, tuple) else (drawing.size * wanted, drawing.size * wanted)
        content = run.images(node_id)[0]
        with Image.open(io.BytesIO(content)) as picture:
            found = picture.size
        if found != size:
            raise DemoError(f"{job.workflow}: {stem} should be {size[0]}x{size[1]}, but is {found[0]}x{found[1]}.")
        keep(stem, content, size)
        made[stem] = content
    print(f"  {time.monotonic() - started:.1f} s, {len(run.cached)} of {len(graph)} nodes from the cache", flush=True)
    return made


def keep(stem: str, content: bytes, size: tuple[int, int]) -> None:
    """Write a PNG, complete or not at all, and say so."""
    path = OUTPUT / f"{stem}.png"
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(content)
    os.replace(temporary, path)
    print(f"  {path.relative_to(ROOT)}  {size[0]}x{size[1]}", flush=True)


def run_client(url: str, drawing: Drawing, checkpoint: str) -> None:
    """Let a client of A1111's API ask for a picture. Raises `DemoError` with what it was answered."""
    print("A1111's API, asked by the client library webuiapi", flush=True)
    if not a1111_client.is_installed():
        print("  left out: this Python has no webuiapi (`pip install webuiapi`)", flush=True)
        return
    started = time.monotonic()
    try:
        picture = a1111_client.draw(url, checkpoint, drawing)
    except (RuntimeError, OSError) as problem:
        raise DemoError(f"The client got no picture: {problem}") from problem
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    keep(a1111_client.NAME, buffer.getvalue(), picture.size)
    print(f"  {time.monotonic() - started:.1f} s", flush=True)


def make_checkpoint() -> Path:
    """Return the demo checkpoint, made if needed. Raises `DemoError` if its weights are not as shipped."""
    print("demo checkpoint (300 MB, made once) …", flush=True)
    CHECKPOINTS.mkdir(parents=True, exist_ok=True)
    try:
        return ensure(CHECKPOINTS)
    except WeightsError as problem:
        raise DemoError(str(problem)) from problem


def check_server(client: ComfyClient, checkpoint: str) -> None:
    """Raise `DemoError` if that server lacks the pack or the checkpoint."""
    known = client.object_info()
    if "HiresFixBaseSampling" not in known:
        raise DemoError(f"The ComfyUI at {client.url} does not have this pack; link this checkout into custom_nodes.")
    listed = known["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0]
    if checkpoint not in listed:
        raise DemoError(
            f"The ComfyUI at {client.url} has no checkpoint {checkpoint}; give one of these with --checkpoint: "
            f"{', '.join(listed) or '(it has none)'}."
        )


def main() -> int:
    """Run everything; returns the exit status."""
    options = command_line.parse(sys.argv[1:])
    started = time.monotonic()
    try:
        with ExitStack() as cleanup:
            _demo(options, cleanup, started)
    except (DemoError, HostError, ClientError) as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    return 0


def _demo(options: argparse.Namespace, cleanup: ExitStack, started: float) -> None:
    if options.server:
        client, checkpoint, host = ComfyClient(options.server), options.checkpoint, None
    else:
        own = make_checkpoint()
        checkpoint = own.name
        print("starting ComfyUI …", flush=True)
        KEPT_BASE.mkdir(parents=True, exist_ok=True)
        host = ComfyUIHost(
            base=KEPT_BASE if options.keep else None,
            models={"checkpoints": [own], "vae_approx": [write_preview_decoder(CHECKPOINTS)]},
            # somebody will look on: the factors that a host turns SD 1.x latents into colours with do not fit this VAE
            arguments=["--preview-method", "taesd"] if options.keep else [],
            env={"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) // 2)))},
        )
        cleanup.enter_context(host)
        client = ComfyClient(host.url)
        print(f"  {host.url} after {time.monotonic() - started:.1f} s", flush=True)
    check_server(client, checkpoint)
    on_cpu = client.system_stats()["devices"][0]["type"] == "cpu"
    drawing = DEMO if checkpoint == DEMO_CHECKPOINT else ON_CPU if on_cpu else SAVED

    OUTPUT.mkdir(exist_ok=True)
    photograph = Image.open(PHOTO)
    buffer = io.BytesIO()
    photograph.save(buffer, "PNG")
    images = {"photo": client.upload_image(buffer.getvalue(), "hires-fix-demo-photo.png")}

    made: dict[str, bytes] = {}
    todo = jobs(photograph.size)
    loaded = {job.image for job in todo}
    for job in todo:
        new = run_job(client, job, drawing, checkpoint, images)
        images |= {
            stem: client.upload_image(content, f"hires-fix-demo-{stem}.png")
            for stem, content in new.items()
            if stem in loaded
        }
        made |= new
    run_client(client.url, drawing, checkpoint)
    sheet = OUTPUT / "before-after.png"
    write_sheet(sheet, _rows({stem: Image.open(io.BytesIO(content)) for stem, content in made.items()}, photograph))
    print(f"before and after: {sheet.relative_to(ROOT)}")
    print(f"Total time of the demo: {time.monotonic() - started:.0f} s")
    if host and options.keep:
        print(f"The editor is at {host.url}; press Ctrl-C to stop it.", flush=True)
        host.wait()


def _rows(made: dict[str, Image.Image], photograph: Image.Image) -> list[list[tuple[str, Image.Image]]]:
    base, latent, pixel, direct = (
        made[stem] for stem in ("base", "hires-fix-latent", "hires-fix-pixel", "sampled-directly")
    )
    double, quadruple, soft = made["photo-2x"], made["photo-4x"], made["photo-4x-soft"]
    return [
        [
            (f"first pass, {_size(base)}, enlarged (bicubic)", before(base, latent)),
            (f"hires fix, latent, {_size(latent)}", latent),
            (f"hires fix, pixel, {_size(pixel)}", pixel),
            (f"without hires fix: sampled directly at {_size(direct)}", direct),
        ],
        [
            (f"photograph, {_size(photograph)}, enlarged 4x (bicubic)", detail(before(photograph, quadruple))),
            (f"standalone upscale 4x, {_size(quadruple)}, detail", detail(quadruple)),
            ("standalone upscale 4x, for soft pictures, detail", detail(soft)),
            (f"standalone upscale 2x, {_size(double)}", double),
        ],
    ]


def _size(picture: Image.Image) -> str:
    return f"{picture.width}x{picture.height}"
