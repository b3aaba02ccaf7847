"""What the graphs load: model families and the names of pictures, tensors and folders, and how these are written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SIZES = ((1, 1), (1, 9), (7, 5), (16, 16), (37, 53), (64, 48))
"""Widths and heights of the pictures."""

IMAGES = tuple(f"{w}x{h}-{channels}-{count}" for w, h in SIZES for channels in (1, 3, 4) for count in (1, 2))
"""Keys of the pictures among the tensors: size, channels, number."""

LATENTS = tuple(f"{w}x{h}-{count}" for w, h in ((1, 1), (2, 5), (6, 8), (9, 7)) for count in (1, 2))
"""Keys of the latents: cells, number. A video's has frames besides."""

PICTURES = (
    "colour.png", "grey.png", "alpha.png", "grey-alpha.png", "palette.png", "one-bit.png", "deep.png", "colour.jpg",
    "cmyk.jpg", "turned.jpg", "colour.webp", "animated.gif", "colour.bmp", "deep.tif", "one-pixel.png",
)  # fmt: skip
FOLDERS = ("", "some", "some/below", "empty", "odd names", "absent", "../models", "some [output]", "x\0y")
LDSR = "LDSR/model.safetensors"
"""An upscaler that is a diffusion model."""

TEXTURE, FACES = "fuzz.safetensors", "fuzz-faces.safetensors"

PROMPTS = (
    "", "a fish", "(a:1.3) [b] (c", "[red:blue:0.5] boat", "[a|b|c]", "cat :1.2 AND dog :-0.3", "a BREAK b",
    "<lora:name:1> a", "embedding:none, x", "[a:b:3]", "[[x]:1]", "((((((z))))))", "\\(a\\)", "#comment\nb", "AND",
    "木 🐟 é", "a, " * 90, "[:x:0]", "(a:1e9)", "(a:nan)", "(a:-5)", "[a:b:-1]", ":::", "[a::2]", "(:1.1)",
    "BREAK BREAK",
)  # fmt: skip
SHEET_VALUES = ("", "1", "0.5, 1", "0.25-1 [3]", "1, a", "0.5 (+0.25) 1", ", ,", "1e9", "-1", "nan")
"""What a list of values of a sheet may be."""


_OF_FOLDERS = ("HiresFixUpscaleFolder", "HiresFixTiledRedraw")


@dataclass(frozen=True)
class Family:
    """A kind of diffusion model and its smallest checkpoint."""

    file: str
    channels: int
    """Of its latents."""
    context: int
    """Width of a prompt's vectors."""
    pooled: int | None
    has_text: bool = False
    """Whether the checkpoint has a text encoder that fits."""
    is_unet: bool = False
    is_video: bool = False


@dataclass(frozen=True)
class Stock:
    """Everything that graphs may name."""

    families: dict[str, Family]
    upscale_models: Sequence[str] = ()
    """Names of models that load, for core's loader, which says little of others."""
    face_models: Sequence[str] = ()
    landmarks: Sequence[str] = ("[]", "[1]", "[2, 0]", "[0, 1, 1]")
    extra: dict[tuple[str, str], Sequence[Any]] = field(default_factory=dict)

    def values(self, node: str, widget: str, family: str) -> Sequence[Any]:
        """What this widget may be; nothing where its range says all."""
        kind = self.families[family]
        latents = [f"{family if kind.is_video else kind.channels}-{key}" for key in LATENTS]
        known: dict[tuple[str, str], Sequence[Any]] = {
            ("CheckpointLoaderSimple", "ckpt_name"): [each.file for each in self.families.values()],
            ("UpscaleModelLoader", "model_name"): self.upscale_models,
            ("HiresFixFaceModelLoader", "face_model_name"): self.face_models,
            ("ProbeLatent", "file"): [TEXTURE],
            ("ProbeLatent", "key"): latents,
            ("ProbeImage", "file"): [TEXTURE],
            ("ProbeImage", "key"): IMAGES,
            ("ProbeConditioning", "file"): [f"fuzz-{family}.safetensors"],
            ("ProbeConditioning", "key"): ["positive", "negative"],
            ("ProbeFaceLandmarks", "file"): [FACES],
            ("ProbeFaceLandmarks", "key"): ["mesh"],
            ("ProbeFaceLandmarks", "frames"): self.landmarks,
            ("HiresFixPrompt", "text"): PROMPTS,
            ("HiresFixPromptLoras", "text"): PROMPTS,
            ("HiresFixStyles", "prompt"): PROMPTS,
            ("HiresFixLdsrSettings", "steps"): (1, 2, 3),
            ("HiresFixXYValues", "x_values"): SHEET_VALUES,
            ("HiresFixXYValues", "y_values"): SHEET_VALUES,
            ("CLIPTextEncode", "text"): PROMPTS,
            ("LoadImage", "image"): PICTURES,
            ("HiresFixLoadImage", "image"): PICTURES,
            **{(node, "input_folder"): FOLDERS for node in _OF_FOLDERS},
            **{(node, "include"): ["*", "*.png", "c*, g*", "", "*/*", "[", "none", "**"] for node in _OF_FOLDERS},
        }
        return known.get((node, widget), self.extra.get((node, widget), ()))


def write(folder: Path, stock: Stock) -> None:
    """Put everything that can be named into the server's input folder."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(0)
    tensors = {}
    for key in IMAGES:
        size, channels, count = key.split("-")
        width, height = map(int, size.split("x"))
        tensors[key] = torch.rand(int(count), height, width, int(channels), generator=generator)
    for key in LATENTS:
        size, count = key.split("-")
        width, height = map(int, size.split("x"))
        videos = {name: (family.channels, 2) for name, family in stock.families.items() if family.is_video}
        for name, shape in {"4": (4,), "16": (16,), **videos}.items():
            tensors[f"{name}-{key}"] = torch.randn(int(count), *shape, height, width, generator=generator)
    save_file(tensors, folder / TEXTURE)
    save_file({"mesh": 40 * torch.rand(8, 478, 2, generator=generator)}, folder / FACES)
    for name, family in stock.families.items():
        conds = {}
        for key in ("positive", "negative"):
            conds[key] = torch.randn(1, 77, family.context, generator=generator)
            if family.pooled:
                conds[f"{key}.pooled"] = torch.randn(1, family.pooled, generator=generator)
        save_file(conds, folder / f"fuzz-{name}.safetensors")
    _write_pictures(folder)


def _write_pictures(folder: Path) -> None:
    import numpy as np
    from PIL import Image

    y, x = np.mgrid[0:40, 0:56]
    colour = Image.fromarray(np.stack([x * 4, y * 6, 255 - x * 2], axis=-1).astype(np.uint8))
    grey, alpha = colour.convert("L"), colour.getchannel("R")
    deep = Image.fromarray((x * 1000 + y).astype(np.uint16))
    with_alpha = colour.copy()
    with_alpha.putalpha(alpha)
    turned = Image.Exif()
    turned[0x0112] = 6
    images = {
        "grey.png": grey, "alpha.png": with_alpha, "grey-alpha.png": Image.merge("LA", (grey, alpha)),
        "palette.png": colour.quantize(16), "one-bit.png": colour.convert("1"), "deep.png": deep, "deep.tif": deep,
        "cmyk.jpg": colour.convert("CMYK"), "animated.gif": grey, "one-pixel.png": Image.new("RGB", (1, 1), "red"),
    }  # fmt: skip
    settings: dict[str, dict[str, Any]] = {
        "palette.png": {"transparency": 3},
        "colour.jpg": {"quality": 90},
        "turned.jpg": {"exif": turned},
        "animated.gif": {"save_all": True, "append_images": [grey.rotate(90), grey.rotate(180)]},
    }
    made = {name: (images.get(name, colour), settings.get(name, {})) for name in PICTURES}
    for name, (image, options) in made.items():
        image.save(folder / name, **options)
    for place, names in {
        "some": ["colour.png", "alpha.png", "deep.tif"],
        "some/below": ["grey.png", "turned.jpg"],
        "odd names": ["木.png", " lead.png", "%date%.png", "{scale}.png", "w" * 240 + ".png"],
        "empty": [],
    }.items():
        (folder / place).mkdir(parents=True, exist_ok=True)
        for name in names:
            image, options = made.get(name, (grey, {}))
            image.save(folder / place / name, **options)
    (folder / "some" / "note.txt").write_text(json.dumps("no picture"), encoding="utf-8")
    (folder / "some" / "broken.png").write_bytes((folder / "colour.png").read_bytes()[:80])
