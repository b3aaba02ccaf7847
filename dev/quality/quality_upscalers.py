"""The shipped upscalers beside Lanczos on photographs that they were not trained on. Used by `dev.py quality`.

A photograph is made small and enlarged again; PSNR and SSIM of the lightness against the photograph tell how much came
back. Models run through the pack's own engine, in float32 on the CPU, once, at their own factor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, features
from PIL import __version__ as pillow
from spandrel import ModelLoader

from ...upscale_models import ModelUpscaler, TileSettings, UnusableModelError, from_descriptor, upscale_to
from ..benchmarks.pictures import decibels
from ..mount import ROOT
from ..training.photographs import held_back_photographs
from . import upscaler_measures as measures
from .remembered import Remembered
from .upscaler_tables import CLEAN, DEGRADED, LANCZOS, Behaviour, Comparison, Row, behaviour_table, comparison_table

WEIGHTS = ROOT / "upscale_models" / "weights"

SHIPPED = ("hires-fix-2x", "hires-fix-4x", "hires-fix-4x-soft")

SCALES = (2, 4)

SOFT_SCALE = 4
"""Factor of the variant for soft input."""

UNTILED, TILED = 4096, 48
"""Longest side of a tile in input pixels: one that holds every photograph here, and one that cuts them into many."""


def upscaler_quality(
    models: Sequence[Path] = (), others: Mapping[str, ModelUpscaler] | None = None, part: int = 0
) -> dict[str, Any]:
    """Measure and print the tables; `models` are further files, `others` models by name, each at its own factor.

    `part`: of every photograph only the hardest so many pixels a side; 0 for all of it.

    Returns `psnr_gain_2x` and `psnr_gain_4x`: the shipped model's mean PSNR beyond that of Lanczos, None without the
    file; the same for SSIM and for the soft variant on degraded input; and all details, fit for JSON. Raises
    `UnusableModelError`, see `load`, and `PhotographError`: the photographs cannot be fetched.
    """
    files = _files(models)
    loaded = {**{name: load(file) for name, file in files.items()}, **(others or {})}
    photographs = held_back_photographs()
    if part:
        photographs = {name: measures.hardest(one, part, part) for name, one in photographs.items()}
    kept = {name: Remembered(name, model) for name, model in loaded.items()}
    comparisons = [
        compare(photographs, ways_for(loaded, scale), scale, CLEAN, kept)
        for scale in sorted({*SCALES, *(model.scale for model in loaded.values())})
    ]
    comparisons.append(compare(photographs, ways_for(loaded, SOFT_SCALE), SOFT_SCALE, DEGRADED, kept))
    behaviours = [behaviour(LANCZOS, partial(lanczos, scale), scale) for scale in SCALES]
    sample = next(iter(photographs.values()))
    for name, model in loaded.items():
        tiled = kept[name].figures("many tiles and one", sample, partial(tiled_decibels, model, sample))
        patterns = kept[name].figures("patterns", None, partial(pattern_errors, partial(enlarge, model)))
        behaviours.append(Behaviour(name, model.scale, *patterns, tiled))
    missing = [name for name in SHIPPED if name not in loaded]
    if missing:
        print(f"\nNot there, so not measured: {', '.join(missing)}.")
    for comparison in comparisons:
        print(f"\n{comparison_table(comparison, part)}")
    print(f"\n{behaviour_table(behaviours)}", flush=True)
    return {
        **_gains("2x", comparisons, "hires-fix-2x", 2, CLEAN),
        **_gains("4x", comparisons, "hires-fix-4x", 4, CLEAN),
        **_gains("4x_soft", comparisons, "hires-fix-4x-soft", SOFT_SCALE, DEGRADED),
        "photographs": {name: list(picture.size) for name, picture in photographs.items()},
        "comparisons": [asdict(comparison) for comparison in comparisons],
        "behaviour": [asdict(one) for one in behaviours],
        "models": {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()},
        "degraded_input": {
            "blur": list(measures.BLUR), "noise": measures.NOISE, "jpeg_quality": measures.JPEG_QUALITY,
            "seed": "CRC-32 of the photograph's name",
        },
        "versions": {
            "torch": str(torch.__version__), "numpy": np.__version__, "Pillow": pillow,
            "libjpeg": features.version_codec("jpg"),
        },
    }  # fmt: skip


def load(file: Path) -> ModelUpscaler:
    """Read a model file, without running its code. Raises `UnusableModelError`: damaged, unknown, not enlarging."""
    try:
        descriptor = ModelLoader("cpu").load_from_file(file)
    except Exception as error:  # whatever spandrel, safetensors and pickle trip over
        first_line = (str(error).splitlines() or [""])[0]
        raise UnusableModelError(str(file), f"it cannot be read ({type(error).__name__}: {first_line})") from error
    model = from_descriptor(descriptor, file.name)
    if model.scale < 2:
        raise UnusableModelError(str(file), "its factor is 1, and what is measured here is enlarging")
    return model


def lanczos(scale: int, picture: Image.Image) -> Image.Image:
    """Enlarge with Pillow."""
    return picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.LANCZOS)


def enlarge(model: ModelUpscaler, picture: Image.Image) -> Image.Image:
    """Enlarge with a model, in 8 bits."""
    pixels = upscaled(model, picture, UNTILED)
    return Image.fromarray((pixels * 255).round().byte().numpy())


def upscaled(model: ModelUpscaler, picture: Image.Image, tile: int) -> torch.Tensor:
    """Run the pack's engine in float32: `(height, width, 3)` in [0, 1]."""
    image = torch.from_numpy(np.array(picture.convert("RGB"), np.float32) / 255)[None]
    size = (picture.width * model.scale, picture.height * model.scale)
    return upscale_to(image, model, *size, TileSettings(size=tile, precision="float32"))[0]


def tiled_decibels(model: ModelUpscaler, picture: Image.Image) -> float:
    """How far a picture made in many tiles is from the same in one piece, in dB, at most 200."""
    small = measures.reduced(picture, 2)
    return decibels(*(upscaled(model, small, tile)[None] for tile in (TILED, UNTILED)))


def ways_for(models: Mapping[str, ModelUpscaler], scale: int) -> dict[str, measures.Enlarge]:
    """Lanczos, and the models of this factor."""
    ways: dict[str, measures.Enlarge] = {LANCZOS: partial(lanczos, scale)}
    return ways | {name: partial(enlarge, model) for name, model in models.items() if model.scale == scale}


def compare(
    photographs: Mapping[str, Image.Image],
    ways: Mapping[str, measures.Enlarge],
    scale: int,
    kind: str,
    kept: Mapping[str, Remembered] | None = None,
) -> Comparison:
    """Make every photograph small, enlarge it in every way and compare; `scale` pixels at the borders do not count.

    `kept`: what is remembered of ways, by their names.
    """
    print(f"{len(photographs)} photographs, {scale}x, {kind} input: {', '.join(ways)} …", flush=True)
    rows = []
    for name, photograph in photographs.items():
        wanted = measures.cut(photograph, scale)
        small = measures.reduced(wanted, scale) if kind == CLEAN else measures.degraded(wanted, scale, name)
        for way, make in ways.items():
            like = partial(_likeness, make, small, wanted, scale)
            memory = (kept or {}).get(way)
            found = memory.figures(f"{scale}x, {kind} input, {name}", small, like) if memory else like()
            rows.append(Row(name, way, *found))
    return Comparison(scale, kind, tuple(rows))


def _likeness(make: measures.Enlarge, small: Image.Image, wanted: Image.Image, border: int) -> tuple[float, float]:
    return measures.likeness(make(small), wanted, border)


def behaviour(way: str, make: measures.Enlarge, scale: int) -> Behaviour:
    """See what a way without tiles does to flat colours and checkerboards."""
    return Behaviour(way, scale, *pattern_errors(make), None)


def pattern_errors(make: measures.Enlarge) -> tuple[int, int, float, tuple[int, ...]]:
    """What a way does to flat colours and checkerboards: as in `Behaviour`."""
    return *measures.flat_errors(make), *measures.checkerboard_errors(make)


def _gains(suffix: str, comparisons: Sequence[Comparison], way: str, scale: int, kind: str) -> dict[str, float | None]:
    """The two figures that sum up a shipped model."""
    comparison = next(it for it in comparisons if it.scale == scale and it.input == kind)
    psnr, ssim = comparison.gain(way) or (None, None)
    return {f"psnr_gain_{suffix}": psnr, f"ssim_gain_{suffix}": ssim}


def _files(models: Sequence[Path]) -> dict[str, Path]:
    """What is measured, by the name in the tables: shipped files without a suffix; others by file name, or by path
    where that name is taken."""
    found = {name: WEIGHTS / f"{name}.safetensors" for name in SHIPPED if (WEIGHTS / f"{name}.safetensors").is_file()}
    for file in models:
        found[str(file) if file.name in found else file.name] = file
    return found
