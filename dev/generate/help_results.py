"""The pictures of the help pages that a server makes: what upscalers and strengths do to a picture."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image

from ..demo.jobs import PHOTO
from ..host.comfy_client import ComfyClient, Graph
from .help_sheet import INK, WIDTH, Sheet

FACTOR = 4
PART = (500, 180, 780, 460)
"""Of the photograph at `FACTOR` times its size: an eye."""

UPSCALERS = {"Nearest": "Nearest", "Lanczos": "Lanczos", "hires-fix-4x": "hires-fix-4x.safetensors"}
"""Caption -> name in the list."""

STRENGTHS = (0.2, 0.5, 0.8)

Panel = tuple[str, Image.Image]
"""Caption and picture."""


def results(client: ComfyClient, hires_fix: Callable[[float], Graph]) -> dict[str, Image.Image]:
    """Return the pictures by the file's name without ending.

    `hires_fix` gives the graph for a denoising strength; its result is shown by the node titled "Save Image".
    """
    photo = client.upload_image(PHOTO, "hires-fix-help.jpg")
    enlarged = [
        (caption, _run(client, _upscale(photo, name), "Save Image").crop(PART)) for caption, name in UPSCALERS.items()
    ]
    redrawn = [(str(strength), _run(client, hires_fix(strength), "Save Image")) for strength in STRENGTHS]
    return {"upscalers": _side_by_side(enlarged), "denoising-strength": _side_by_side(redrawn)}


def _side_by_side(panels: list[Panel]) -> Image.Image:
    side = (WIDTH - 20) // len(panels) - 10
    sheet = Sheet(side + 60)
    for index, (caption, picture) in enumerate(panels):
        x = 15 + index * (side + 10)
        sheet.image.paste(picture.resize((side, side), Image.Resampling.LANCZOS), (x, 15))
        sheet.text((x + side / 2, side + 36), caption, INK)
    return sheet.image


def _upscale(photo: str, upscaler: str) -> Graph:
    return {
        "photo": _node("HiresFixLoadImage", image=photo, channels="RGB and mask"),
        "loader": _node("HiresFixUpscalerLoader", upscaler_name=upscaler),
        "large": _node(
            "HiresFixUpscaleImage",
            image=["photo", 0],
            upscaler=["loader", 0],
            resize_mode="scale by",
            upscaling_resize=float(FACTOR),
            upscaling_resize_w=1,
            upscaling_resize_h=1,
            upscaling_crop=True,
            tile_size=0,
            tile_overlap=0,
        ),
        "show": _node("PreviewImage", title="Save Image", images=["large", 0]),
    }


def _node(kind: str, title: str = "", **inputs: object) -> dict[str, object]:
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": title}}


def _run(client: ComfyClient, graph: Graph, title: str) -> Image.Image:
    (shown,) = [node_id for node_id, node in graph.items() if node["_meta"]["title"] == title]
    run = client.queue(graph, timeout=600).require_success()
    return Image.open(io.BytesIO(run.images(shown)[0])).convert("RGB")
