"""What the demo asks of the saved workflows: which of them, with which values, and the pictures to expect."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import Any

from ...recipes.pictures import CAT
from ..host.comfy_client import Graph
from ..mount import ROOT
from .direct_sampling import TITLE as DIRECT_TITLE
from .direct_sampling import add_direct

WORKFLOWS = ROOT / "workflows" / "api"
PHOTO = ROOT / "workflows" / "input" / CAT.file


@dataclass(frozen=True)
class Drawing:
    """What the saved workflows are given to suit checkpoint and machine; None leaves what was saved."""

    size: int = 512
    """Edge of the first pass in pixels; the default is what was saved."""
    steps: int | None = None
    cfg: float | None = None
    prompt: str | None = None
    negative_prompt: str | None = None
    seed: int | None = None
    changes: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    """Workflow -> class of node -> input -> value."""


SAVED = Drawing()
"""For an ordinary checkpoint on a graphics card."""
ON_CPU = Drawing(size=256, steps=8)
"""For an ordinary checkpoint without one."""
DEMO = Drawing(
    size=128,
    steps=20,
    cfg=4.0,
    prompt="sunset, orange sky, yellow sun, white mountains, lake, green meadow, green pines",
    negative_prompt="",
    seed=3,
    changes={"hires-fix-latent": {"HiresFixRenoise": {"denoising_strength": 0.5}}},
)
"""For the demo checkpoint: the size it was trained for, and words that it knows, of things that are fine enough for it.

A second pass gives mountains their faces and pines their tiers; a house of five latent cells has too little to go by.
"""


@dataclass(frozen=True)
class Job:
    """One saved workflow with the few values that the demo changes, and the pictures to expect."""

    workflow: str
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Class of node -> input -> value."""
    image: str = "photo"
    """Which picture it loads if it loads one: "photo", or the stem of one that an earlier job made."""
    direct: int = 0
    """Also sample at this many times the first pass' edge from the start; 0 does not."""
    pictures: dict[str, tuple[str, int | tuple[int, int]]] = field(default_factory=dict)
    """Title of the node that shows it -> (file name, factor on the first pass' edge or exact size)."""


def jobs(photo: tuple[int, int]) -> list[Job]:
    """Return what to run. `photo` is the photograph's size."""

    def standalone(factor: int, variant: str = "") -> Job:
        changes = {
            "HiresFixUpscalerLoader": {"upscaler_name": f"hires-fix-{factor}x{variant}.safetensors"},
            "HiresFixUpscaleImage": {"resize_mode": "scale by", "upscaling_resize": float(factor)},
        }
        size = photo[0] * factor, photo[1] * factor
        return Job("standalone-upscale", changes, pictures={"Save Image": (f"photo-{factor}x{variant}", size)})

    both = {"Base picture": ("base", 1), "Save Image": ("hires-fix-latent", 2)}
    with_direct = {"Save Image": ("hires-fix-pixel", 2), DIRECT_TITLE: ("sampled-directly", 2)}
    return [
        Job("hires-fix-latent", pictures=both),
        Job("hires-fix-pixel", direct=2, pictures=with_direct),
        Job("hires-fix-image", image="base", pictures={"Save Image": ("hires-fix-image", 2)}),
        Job("multi-stage-upscale", pictures={"Save Image": ("multi-stage", 4)}),
        standalone(2),
        standalone(4),
        standalone(4, "-soft"),
    ]


def prepare_graph(job: Job, drawing: Drawing, checkpoint: str, images: dict[str, str]) -> Graph:
    """Return the saved graph with the job's values in it. `images`: what the server calls the pictures to load."""
    path = WORKFLOWS / f"{job.workflow}.json"
    graph: Graph = copy.deepcopy(json.loads(path.read_text(encoding="utf-8")))
    changes = job.changes | drawing.changes.get(job.workflow, {})
    everywhere = {"steps": drawing.steps, "cfg": drawing.cfg, "seed": drawing.seed}
    texts = {"Prompt": drawing.prompt, "Negative prompt": drawing.negative_prompt}
    for node in graph.values():
        kind, inputs, text = node["class_type"], node["inputs"], texts.get(node["_meta"]["title"])
        if kind == "CheckpointLoaderSimple":
            inputs["ckpt_name"] = checkpoint
        if kind == "HiresFixLoadImage":
            inputs["image"] = images[job.image]
        if text is not None:
            inputs["text"] = text
        inputs |= {name: value for name, value in everywhere.items() if name in inputs and value is not None}
        if kind.startswith("Empty") and "width" in inputs:
            inputs |= {"width": drawing.size, "height": drawing.size}
        inputs |= changes.get(kind, {})
    if job.direct:
        add_direct(graph, job.direct)
    for key, node in list(graph.items()):
        if node["class_type"] == "VAEDecode" and node["_meta"]["title"] in job.pictures:
            shown = {"class_type": "PreviewImage", "inputs": {"images": [key, 0]}, "_meta": dict(node["_meta"])}
            node["_meta"]["title"] = "VAE Decode"
            graph[f"show-{key}"] = shown
    return graph
