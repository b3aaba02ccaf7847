"""Tiles on their way to the device and back, without letting it wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch

_keeping, _keepers = threading.Lock(), 0
"""How many are inside of `float32_kept`."""

_told: list[tuple[Any, str, Any]] = []
"""Settings of torch that it has changed, and what they were."""


def send(pixels: torch.Tensor, device: torch.device, dtype: torch.dtype, channels_last: bool) -> torch.Tensor:
    """Return a copy of `(N, H, W, C)` as the `(N, C, H, W)` that models take, in [0, 1], which they may overwrite."""
    planes = pixels.detach().movedim(-1, 1)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    if device.type != "cuda" or pixels.is_cuda:
        return planes.to(device, dtype, copy=True, memory_format=layout).clamp_(0, 1)
    # from pinned memory the copy is queued behind the tile that is still being computed, instead of waiting for it
    pinned = torch.empty(planes.shape, dtype=planes.dtype, memory_format=layout, pin_memory=True).copy_(planes)
    return pinned.to(device, non_blocking=True).to(dtype).clamp_(0, 1)


class Arrival:
    """A result that leaves the device while the next tile is being computed there."""

    def __init__(self, pixels: torch.Tensor, target: torch.device, side: torch.cuda.Stream | None = None) -> None:
        """`pixels` must not be changed afterwards; `side` is a second stream of the device, for CUDA."""
        # one number that is NaN if any value is, so that the values need not be looked at one by one on the host
        total = pixels.sum(dtype=torch.float32)
        self._event: torch.cuda.Event | None = None
        if side is None or target.type != "cpu" or not pixels.is_cuda:
            self._pixels, self._total = pixels.to(target), total
            return
        # a part of a result would be gathered on the other stream, in memory that nobody has counted
        pixels = pixels.contiguous()
        self._pixels = torch.empty(pixels.shape, dtype=pixels.dtype, pin_memory=True)
        self._total = torch.empty((), dtype=torch.float32, pin_memory=True)
        side.wait_stream(torch.cuda.current_stream(pixels.device))
        with torch.cuda.stream(side):
            self._pixels.copy_(pixels, non_blocking=True)
            self._total.copy_(total, non_blocking=True)
            self._event = torch.cuda.Event()
            self._event.record(side)
        # the allocator may hand their memory to the next tile only once they are copied
        pixels.record_stream(side)
        total.record_stream(side)

    def wait(self) -> torch.Tensor | None:
        """Return the values where they are wanted, or None if there are NaN among them."""
        if self._event is not None:
            self._event.synchronize()
        return self._pixels if torch.isfinite(self._total) else None


def side_stream(device: torch.device) -> torch.cuda.Stream | None:
    """Return a stream for `Arrival` on CUDA devices, None on others."""
    return torch.cuda.Stream(device) if device.type == "cuda" else None


@contextmanager
def float32_kept(device: torch.device, wanted: bool = True) -> Iterator[None]:
    """Where `wanted`, have CUDA work with all 24 bits of float32, where it takes TF32's 11 for convolutions otherwise.

    Afterwards torch is set as before: when the last of several threads, each with its own card, is done.
    """
    global _keepers
    if device.type != "cuda" or not wanted:
        yield
        return
    with _keeping:
        _keepers += 1
        if _keepers == 1:
            _told[:] = _keep_float32()
    try:
        yield
    finally:
        with _keeping:
            _keepers -= 1
            if not _keepers:
                for flags, name, before in _told:
                    setattr(flags, name, before)


def _keep_float32() -> list[tuple[Any, str, Any]]:
    """Change torch's settings; see `_told`."""
    cudnn: Any = torch.backends.cudnn
    matmul: Any = torch.backends.cuda.matmul
    # both ways to say it, since torch refuses to tell the first where they differ, as its compiler asks
    wishes = [(cudnn, "allow_tf32", False), (matmul, "allow_tf32", False)]
    if hasattr(cudnn, "conv") and hasattr(matmul, "fp32_precision"):  # from torch 2.9 on
        wishes += [(cudnn.conv, "fp32_precision", "ieee"), (matmul, "fp32_precision", "ieee")]
    told = []
    for flags, name, wish in wishes:
        with suppress(RuntimeError):  # they differ already
            told.append((flags, name, wish, getattr(flags, name)))
    for flags, name, wish, _ in told:
        setattr(flags, name, wish)
    return [(flags, name, before) for flags, name, _, before in told]
