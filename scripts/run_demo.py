"""Run the saved workflows on a real ComfyUI and write pictures to `output/`. Used by `dev.py demo`."""

from __future__ import annotations

import argparse
import copy
import importlib
import importlib.util
import io
import json
import os
import signal
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from comfy_client import ClientError, ComfyClient, Graph
from comfyui_host import ComfyUIHost, HostError
from demo_sheet import before, detail, write_sheet
from PIL import Image
from tqdm import tqdm

ROOT = Path(__file__).absolute().parent.parent
OUTPUT = ROOT / "output"
WORKFLOWS = ROOT / "workflows" / "api"
PHOTO = ROOT / "demo" / "photo.jpg"
CHECKPOINTS = ROOT / ".host" / "demo"
KEPT_BASE = ROOT / ".host" / "demo" / "base"

SMALL = {"size": 256, "steps": 8}  # seconds on two CPU cores
SMALLEST = {"size": 128, "steps": 6}
SAVED: dict[str, int] = {}  # as the workflows are saved: for a graphics card


class DemoError(Exception):
    """Something the reader can act on."""


@dataclass(frozen=True)
class Job:
    """One saved workflow with the few values that the demo changes, and the pictures to expect."""

    workflow: str
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Class of node -> input -> value."""
    size: int | None = None
    """Edge of the first pass; None leaves what was saved."""
    steps: int | None = None
    pictures: dict[str, tuple[str, int | tuple[int, int]]] = field(default_factory=dict)
    """Class of the node that shows it -> (file name, factor on the first pass' edge or exact size)."""


def jobs(on_cpu: bool, photo: tuple[int, int]) -> list[Job]:
    """Return what to run. `photo` is the photograph's size."""
    small, smallest = (SMALL, SMALLEST) if on_cpu else (SAVED, SAVED)

    def enlarged(factor: int) -> tuple[int, int]:
        return photo[0] * factor, photo[1] * factor

    def standalone(factor: int) -> Job:
        changes = {"HiresFixUpscaleImage": {"resize_mode": "scale by", "upscaling_resize": float(factor)}}
        return Job("standalone-upscale", changes, pictures={"SaveImage": (f"photo-{factor}x", enlarged(factor))})

    return [
        Job("hires-fix-latent", **small, pictures={"PreviewImage": ("base", 1), "SaveImage": ("hires-fix-latent", 2)}),
        Job("hires-fix-pixel", **small, pictures={"SaveImage": ("hires-fix-pixel", 2)}),
        standalone(2),
        standalone(4),
        Job("hires-fix-image", steps=smallest.get("steps"), pictures={"SaveImage": ("photo-hires-fix", enlarged(2))}),
        Job("multi-stage-upscale", **smallest, pictures={"SaveImage": ("multi-stage", 4)}),
    ]


def prepare_graph(job: Job, checkpoint: str, photo: str) -> tuple[Graph, int]:
    """Return the saved graph with the job's values in it, and the edge of its first pass in pixels (0 without one)."""
    path = WORKFLOWS / f"{job.workflow}.json"
    graph: Graph = copy.deepcopy(json.loads(path.read_text(encoding="utf-8")))
    edge = 0
    for node in graph.values():
        kind, inputs = node["class_type"], node["inputs"]
        if kind == "CheckpointLoaderSimple":
            inputs["ckpt_name"] = checkpoint
        if kind == "LoadImage":
            inputs["image"] = photo
        if job.steps and "steps" in inputs:
            inputs["steps"] = job.steps
        if kind.startswith("Empty") and "width" in inputs:
            for name in ("width", "height"):
                edge = _set(graph, inputs, name, job.size)
        inputs.update(job.changes.get(kind, {}))
    return graph, edge


def _set(graph: Graph, inputs: dict[str, Any], name: str, value: int | None) -> int:
    """Set an input, or the primitive node that feeds it; None leaves it. Returns the value in force."""
    if isinstance(inputs[name], list):
        inputs, name = graph[inputs[name][0]]["inputs"], "value"
    if value is not None:
        inputs[name] = value
    return inputs[name]


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


def run_job(client: ComfyClient, job: Job, checkpoint: str, photo: str) -> dict[str, Image.Image]:
    """Queue one job and write its pictures; returns them by file stem. Raises `DemoError` if a size is not exact."""
    graph, edge = prepare_graph(job, checkpoint, photo)
    started = time.monotonic()
    print(f"{job.workflow}", flush=True)
    bars = Bars(graph)
    try:
        run = client.queue(graph, on_progress=bars, timeout=1800).require_success()
    finally:
        bars.close()
    made = {}
    for node_id, node in graph.items():
        if node["class_type"] not in job.pictures:
            continue
        stem, wanted = job.pictures[node["class_type"]]
        size = wanted if isinstance(wanted, tuple) else (edge * wanted, edge * wanted)
        content = run.images(node_id)[0]
        picture = Image.open(io.BytesIO(content))
        if picture.size != size:
            raise DemoError(
                f"{job.workflow}: {stem} should be {size[0]}x{size[1]}, but is {picture.width}x{picture.height}."
            )
        path = OUTPUT / f"{stem}.png"
        _write(path, content)
        print(f"  {path.relative_to(ROOT)}  {size[0]}x{size[1]}", flush=True)
        made[stem] = picture
    print(f"  {time.monotonic() - started:.1f} s, {len(run.cached)} of {len(graph)} nodes from the cache", flush=True)
    return made


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(content)
    os.replace(temporary, path)


def make_checkpoint() -> Path:
    """Return the demo checkpoint, made if needed."""
    # loaded as a package of its own: the root must not be on sys.path, its `nodes` would shadow ComfyUI's module
    folder = ROOT / "demo"
    spec = importlib.util.spec_from_file_location(
        "hires_fix_demo", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["hires_fix_demo"] = module
    spec.loader.exec_module(module)
    print("demo checkpoint (300 MB, made once) …", flush=True)
    CHECKPOINTS.mkdir(parents=True, exist_ok=True)
    return importlib.import_module("hires_fix_demo.checkpoint").ensure(CHECKPOINTS)


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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server")
    parser.add_argument("--checkpoint")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.monotonic()
    try:
        with ExitStack() as cleanup:
            _demo(options, cleanup, started)
    except KeyboardInterrupt:
        print("\nStopped.")
        return 130
    except (DemoError, HostError, ClientError) as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    return 0


def _demo(options: argparse.Namespace, cleanup: ExitStack, started: float) -> None:
    if options.server:
        if not options.checkpoint:
            raise DemoError("--server needs --checkpoint NAME: a checkpoint that this server lists.")
        client, checkpoint = ComfyClient(options.server), options.checkpoint
        host = None
    else:
        own = make_checkpoint()
        checkpoint = own.name
        print("starting ComfyUI …", flush=True)
        KEPT_BASE.mkdir(parents=True, exist_ok=True)
        host = ComfyUIHost(
            base=KEPT_BASE if options.keep else None,
            models={"checkpoints": [own]},
            env={"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) // 2)))},
        )
        cleanup.enter_context(host)
        client = ComfyClient(host.url)
        print(f"  {host.url} after {time.monotonic() - started:.1f} s", flush=True)
    check_server(client, checkpoint)
    on_cpu = client.system_stats()["devices"][0]["type"] == "cpu"

    OUTPUT.mkdir(exist_ok=True)
    photograph = Image.open(PHOTO)
    buffer = io.BytesIO()
    photograph.save(buffer, "PNG")
    # in our own server it gets the name that the saved workflows ask for, so that they open complete with --keep
    photo = client.upload_image(buffer.getvalue(), "example.png" if host else "hires-fix-demo-photo.png")

    made: dict[str, Image.Image] = {}
    for job in jobs(on_cpu, photograph.size):
        made |= run_job(client, job, checkpoint, photo)
    sheet = OUTPUT / "before-after.png"
    write_sheet(sheet, _rows(made, photograph))
    print(f"before and after: {sheet.relative_to(ROOT)}")
    print(f"Total time of the demo: {time.monotonic() - started:.0f} s")
    if host and options.keep:
        print(f"The editor is at {host.url}; press Ctrl-C to stop it.", flush=True)
        host.wait()


def _rows(made: dict[str, Image.Image], photograph: Image.Image) -> list[list[tuple[str, Image.Image]]]:
    base, latent, pixel = made["base"], made["hires-fix-latent"], made["hires-fix-pixel"]
    double, quadruple = made["photo-2x"], made["photo-4x"]
    return [
        [
            (f"first pass, {_size(base)}, enlarged (bicubic)", before(base, latent)),
            (f"hires fix, latent, {_size(latent)}", latent),
            (f"hires fix, pixel, {_size(pixel)}", pixel),
        ],
        [
            (f"photograph, {_size(photograph)}, enlarged 4x (bicubic)", detail(before(photograph, quadruple))),
            (f"standalone upscale 4x, {_size(quadruple)}, detail", detail(quadruple)),
            (f"standalone upscale 2x, {_size(double)}", double),
        ],
    ]


def _size(picture: Image.Image) -> str:
    return f"{picture.width}x{picture.height}"


if __name__ == "__main__":
    sys.exit(main())
