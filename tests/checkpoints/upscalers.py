"""Tiny upscalers in the layouts that spandrel knows, and files that only look like upscalers."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np

from ...demo.weights import Weights, write_safetensors

COMPACT_FEATURES = 4

EXACT = {2: "nearest-x2.safetensors", 4: "nearest-x4.safetensors"}
"""Compact networks of zeros by scale: what they add to the nearest-neighbour input is exactly nothing."""

RANDOM = {2: "random-x2.safetensors", 4: "random-x4.safetensors"}
"""The same with seeded random weights: visibly different from nearest, so tiles and seams show."""

ONE_TIMES = "clean-x1.safetensors"
"""A model that does not enlarge: compact, factor 1."""

ESRGAN = "esrgan-x4.pth"
"""One tiny RRDB network in the layout of the first ESRGAN release, as a torch file."""

TRUNCATED = "bad-truncated.safetensors"
RENAMED = "bad-renamed-text.pth"
PICKLED_CODE = "bad-pickled-code.pth"
UNKNOWN = "bad-unknown-network.safetensors"
"""Cut off in the middle; a text file; a pickle that calls a function; good tensors of no known network."""

EXECUTED_MARKER = "pickled-code-was-executed"
"""The folder that loading PICKLED_CODE unsafely would create in the current directory."""


def write_all(folder: Path) -> None:
    """Write every file into `folder`."""
    for scale, file in EXACT.items():
        _compact(folder / file, scale, std=0.0)
    for scale, file in RANDOM.items():
        _compact(folder / file, scale, std=0.15)
    _compact(folder / ONE_TIMES, 1, std=0.05)
    _esrgan(folder / ESRGAN)
    good = (folder / EXACT[2]).read_bytes()
    (folder / TRUNCATED).write_bytes(good[: len(good) // 2])
    (folder / RENAMED).write_text("This is not a model.\n" * 50, encoding="utf-8")
    (folder / PICKLED_CODE).write_bytes(pickle.dumps(_CallsAFunction()))
    write_safetensors(folder / UNKNOWN, {"some.layer.weight": np.zeros((3, 3), np.float32)})


class _CallsAFunction:
    """Unpickling this makes a folder; harmless, and easy to look for afterwards."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.mkdir, (EXECUTED_MARKER,)


def _compact(path: Path, scale: int, std: float) -> None:
    """The "compact" network: one body convolution, PReLU, pixel shuffle; the nearest-neighbour input is added."""
    w, n = Weights(seed=21 + scale), COMPACT_FEATURES
    sizes = {"body.0": (n, 3), "body.2": (n, n), "body.4": (3 * scale * scale, n)}
    for name, (n_out, n_in) in sizes.items():
        w.random(name + ".weight", (n_out, n_in, 3, 3), std)
        w.random(name + ".bias", (n_out,), std / 10)
    for name in ("body.1", "body.3"):
        w.put(name + ".weight", np.full(n, 0.2 if std else 0.0, np.float32))
    write_safetensors(path, w.arrays)


def _esrgan(path: Path) -> None:
    """RRDBNet, 4x, one block of 8 features, keys as in the first ESRGAN release."""
    import torch

    w, n, growth = Weights(seed=31), 8, 32  # 32 is fixed by the layout

    def conv(name: str, n_out: int, n_in: int, gain: float = 0.5) -> None:
        w.conv(name, n_out, n_in, (3, 3), gain=gain)

    conv("model.0", n, 3)
    for dense in (1, 2, 3):
        for k in range(1, 6):
            conv(f"model.1.sub.0.RDB{dense}.conv{k}.0", growth if k < 5 else n, n + (k - 1) * growth)
    conv("model.1.sub.1", n, n)
    for i in (3, 6, 8):
        conv(f"model.{i}", n, n, gain=1.4)
    conv("model.10", 3, n, gain=1.0)
    w.arrays["model.10.bias"] = w.arrays["model.10.bias"] + np.float32(0.5)
    torch.save({name: torch.from_numpy(np.array(a)) for name, a in w.arrays.items()}, path)
