"""The pictures of the help pages that show what nodes make of a photograph."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from .comfy_client import ComfyClient, Graph
from .help_sheet import INK, WIDTH, Sheet

PHOTO = Path(__file__).resolve().parent.parent / "demo" / "photo.jpg"

PART = (250, 90, 390, 230)
"""Of the photograph at twice its size: an eye."""

Panel = tuple[str, Image.Image]
"""Caption and picture."""


def results(client: ComfyClient, checkpoint: str) -> dict[str, Image.Image]:
    """Return the pictures by the file's name without ending.

    Args:
        client: of a server with this pack.
        checkpoint: an SD1 checkpoint of that server whose VAE reproduces photographs, such as the demo's.
    """
    photo = client.upload_image(PHOTO, "hires-fix-help.jpg")
    return {
        "upscalers": _side_by_side([(name, _upscaled(client, photo, name)) for name in ("Nearest", "Lanczos")]),
        "denoising-strength": _side_by_side(
            [(f"{strength}", _noised(client, photo, checkpoint, strength)) for strength in (0.3, 0.5, 0.7)]
        ),
    }


def _side_by_side(panels: list[Panel]) -> Image.Image:
    side = (WIDTH - 20) // len(panels) - 10
    sheet = Sheet(side + 60)
    for index, (caption, picture) in enumerate(panels):
        x = 15 + index * (side + 10)
        sheet.image.paste(picture.crop(PART).resize((side, side), Image.Resampling.NEAREST), (x, 15))
        sheet.text((x + side / 2, side + 36), caption, INK)
    return sheet.image


def _upscaled(client: ComfyClient, photo: str, upscaler: str) -> Image.Image:
    graph: Graph = {
        "photo": _node("LoadImage", image=photo),
        "loader": _node("HiresFixUpscalerLoader", upscaler_name=upscaler),
        "large": _node(
            "HiresFixUpscaleImage",
            image=["photo", 0],
            upscaler=["loader", 0],
            resize_mode="scale by",
            upscaling_resize=2.0,
            upscaling_resize_w=1,
            upscaling_resize_h=1,
            upscaling_crop=True,
            tile_size=0,
            tile_overlap=0,
        ),
    }
    return _run(client, graph, ["large", 0])


def _noised(client: ComfyClient, photo: str, checkpoint: str, strength: float) -> Image.Image:
    graph = _enlarged(photo, checkpoint)
    graph["noise"] = _node("HiresFixNoise", seed=1, source="GPU")
    graph["noised"] = _node(
        "HiresFixRenoise",
        model=["checkpoint", 0],
        latent=["large", 0],
        noise=["noise", 0],
        steps=20,
        denoising_strength=strength,
        hr_second_pass_steps=0,
        sampler_name="DPM++ 2M",
        scheduler="Automatic",
    )
    graph["decoded"] = _node("VAEDecode", samples=["noised", 0], vae=["checkpoint", 2])
    return _run(client, graph, ["decoded", 0])


def _encoded(photo: str, checkpoint: str) -> Graph:
    with Image.open(PHOTO) as opened:
        width, height = opened.size
    return {
        "checkpoint": _node("CheckpointLoaderSimple", ckpt_name=checkpoint),
        "photo": _node("LoadImage", image=photo),
        "latent": _node("VAEEncode", pixels=["photo", 0], vae=["checkpoint", 2]),
        "target": _node("HiresFixTargetSize", width=width, height=height, hr_scale=2.0, hr_resize_x=0, hr_resize_y=0),
    }


def _enlarged(photo: str, checkpoint: str) -> Graph:
    graph = _encoded(photo, checkpoint)
    graph["loader"] = _node("HiresFixUpscalerLoader", upscaler_name="Lanczos")
    graph["large"] = _node(
        "HiresFixPixelUpscale",
        latent=["latent", 0],
        vae=["checkpoint", 2],
        upscaler=["loader", 0],
        target=["target", 0],
        tile_size=0,
        tile_overlap=0,
        vae_tile_size=0,
    )
    return graph


def _node(kind: str, **inputs: object) -> dict[str, object]:
    return {"class_type": kind, "inputs": inputs}


def _run(client: ComfyClient, graph: Graph, link: list[object]) -> Image.Image:
    run = client.queue({**graph, "show": _node("PreviewImage", images=link)}).require_success()
    return Image.open(io.BytesIO(run.images("show")[0])).convert("RGB")
