"""Seeded random weights with the same bytes on every machine, and the files to put them in.

Every tensor has its own Philox-4x64 counter generator, keyed by sha256("<seed>/<tensor name>"). Only the raw 64-bit
stream is used, which numpy guarantees, cut into 16-bit integers u; a weight is (u - 32767.5) * step in float32: one
subtraction and one product, both exactly rounded. So weights are uniform, not normal, and no maths library is
involved. The safetensors container is written here, with sorted names, so that the bytes depend on no library version.
"""

from __future__ import annotations

import hashlib
import json
import os
from math import prod, sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]

# Scalars that meet an array are made float32 first: numpy 1 and 2 promote differently.
F = np.float32

SILU_GAIN = 1.68
"""1 / rms of silu(N(0, 1)): keeps the size of a signal through a SiLU and a layer."""

_SAFETENSORS_NAMES = {"float16": "F16", "float32": "F32", "int64": "I64"}


def uniform(seed: int, name: str, shape: tuple[int, ...], std: float) -> NDArray[np.float32]:
    """Return a float32 array with zero mean and standard deviation `std`, uniformly distributed."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    key = np.frombuffer(digest[:16], dtype="<u8").astype(np.uint64)
    count = prod(shape)
    raw = np.random.Philox(key=key).random_raw((count + 3) // 4)
    u = np.asarray(raw, dtype="<u8").view("<u2")[:count].astype(np.float32)
    step = F(std * sqrt(12.0) / 65536.0)
    return ((u - F(32767.5)) * step).reshape(shape)


class Weights:
    """Named arrays of one model, filled layer by layer. `gain` is the factor on the size of the signal."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.arrays: dict[str, Array] = {}

    def put(self, name: str, array: Array) -> None:
        """Add one tensor. Raises ValueError if there is one of that name."""
        if name in self.arrays:
            raise ValueError(f"the model has a tensor {name} already")
        self.arrays[name] = np.ascontiguousarray(array)

    def random(self, name: str, shape: tuple[int, ...], std: float) -> None:
        """Add one random tensor with standard deviation `std`."""
        self.put(name, uniform(self.seed, name, shape, std))

    def linear(self, name: str, n_out: int, n_in: int, gain: float = 1.0, bias: float | None = 0.02) -> None:
        """Add a fully connected layer; `bias` is the standard deviation of the bias, None for no bias."""
        self.random(name + ".weight", (n_out, n_in), gain / sqrt(n_in))
        if bias is not None:
            self.random(name + ".bias", (n_out,), bias)

    def conv(
        self, name: str, n_out: int, n_in: int, kernel: tuple[int, ...], gain: float = 1.0, bias: float = 0.02
    ) -> None:
        """Add a convolution with a kernel of any number of dimensions."""
        self.random(name + ".weight", (n_out, n_in, *kernel), gain / sqrt(n_in * prod(kernel)))
        self.random(name + ".bias", (n_out,), bias)

    def norm(self, name: str, n: int) -> None:
        """Add a normalisation with weight near 1 and bias near 0."""
        self.put(name + ".weight", F(1) + uniform(self.seed, name + ".weight", (n,), 0.1))
        self.random(name + ".bias", (n,), 0.05)

    def half(self) -> dict[str, Array]:
        """Return all tensors, the floating-point ones in float16."""
        return {name: a if a.dtype == np.int64 else a.astype(np.float16) for name, a in self.arrays.items()}


def write_safetensors(path: Path, arrays: dict[str, Array]) -> None:
    """Write `arrays` to `path`, complete or not at all."""
    header, offset = {}, 0
    for name in sorted(arrays):
        a = arrays[name]
        end = offset + a.nbytes
        header[name] = {
            "dtype": _SAFETENSORS_NAMES[a.dtype.name],
            "shape": list(a.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(len(text).to_bytes(8, "little"))
            file.write(text)
            for name in sorted(arrays):
                a = arrays[name]
                file.write(np.ascontiguousarray(a, dtype=a.dtype.newbyteorder("<")).tobytes())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
