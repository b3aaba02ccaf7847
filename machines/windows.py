"""Windows of one picture, as plain data: run by workers, put together by whoever handed them out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from typing import Any

import torch

from ..hires.errors import InputError
from ..hires.sizes.image_sizes import Size
from ..hires.tiles.boxes import Box
from ..hires.tiles.resize_parts import LanczosParts
from ..hires.tiles.settings import Precision, TileSettings
from ..pictures.base.levels import from_levels, to_levels
from ..upscale_models import ModelUpscaler, PlacedUpscaler, Runtime, UpscalerMemoryError
from ..upscale_models.tiles.keep import Fade, Keep
from ..upscale_models.tiles.worker import Work, Worker
from .handing_out import HandingOut, Waiting
from .jobs import ModelFile, Plain, code_digest
from .pixels import from_plain, to_plain
from .pool import Pool

_CPU = torch.device("cpu")


def window_of(model: Plain, precision: Precision, pixels: torch.Tensor, keep: Keep, depth: int = 0) -> Plain:
    """The run of a model, a `ModelFile` as data, on a window `(N, H, W, C)`. `depth`: see `Helpers`."""
    return {
        "model": model,
        "precision": precision,
        **to_plain(pixels),
        "inside": list(keep.inside),
        "covered": list(keep.covered),
        "resize": [*keep.resize.source, *keep.resize.target] if keep.resize else [],
        "fades": [astuple(fade) for fade in keep.fades or ()],
        "depth": depth,
    }


def placed_window_of(fragment: Plain, box: Box, size: Size, pixels: torch.Tensor) -> Plain:
    """A window for a workflow, see `host.redraw.fragment`: its place in a picture of this size, and its pixels."""
    return {"fragment": fragment, "box": list(box), "size": list(size), **to_plain(pixels)}


class WindowRuns:
    """Does what `window_of` describes, on one device."""

    def __init__(self, load: Callable[[ModelFile], ModelUpscaler]) -> None:
        self._load = load
        self._resize: LanczosParts | None = None

    def do(self, window: Plain, runtime: Runtime) -> Plain:
        """Return what is kept, its `shape`, `type` and bytes (`data`), and the `seconds` it took.

        Raises:
            InputError: the model is not here, failed, or does not fit the memory with this window.
        """
        started = time.monotonic()
        upscaler, pixels = self._load(ModelFile(**window["model"])), from_plain(window)
        if pixels is None:
            raise InputError("the window came with other bytes than its shape says.")
        count, height, width, _ = pixels.shape
        fades = (Fade(*window["fades"][0]), Fade(*window["fades"][1])) if window["fades"] else None
        keep = Keep(Box(*window["inside"]), Box(*window["covered"]), self._resize_of(window["resize"]), fades)
        # the size is that of the window: it is settled where windows are handed out
        tiles, size = TileSettings(max(width, height), 0, window["precision"]), (width, height)
        worker = Worker(upscaler, runtime, tiles, width * height, size, count, Work(1, runtime), _CPU)
        while True:
            arrival = worker.start(pixels, keep, Box(0, 0, width, height), 0)
            if arrival is None:
                raise UpscalerMemoryError(f"no memory for a window of {width}x{height} pixels")
            result = arrival.wait()
            if result is not None:
                if window["depth"]:
                    result = torch.from_numpy(to_levels(result, window["depth"]))
                return {**to_plain(result), "seconds": time.monotonic() - started}
            worker.go_on_in_float32("it made values that are not numbers")

    def _resize_of(self, sizes: list[int]) -> LanczosParts | None:
        if not sizes:
            return None
        source, target = (sizes[0], sizes[1]), (sizes[2], sizes[3])
        if self._resize is None or (self._resize.source, self._resize.target) != (source, target):
            self._resize = LanczosParts(source, target)
        return self._resize


class WindowHelpers:
    """Hands windows to a pool: `Helpers`."""

    def __init__(
        self,
        pool: Pool,
        models: Mapping[str, Plain],
        check: Callable[[], None],
        placed: Sequence[PlacedUpscaler] = (),
        fragment: Plain | None = None,
    ) -> None:
        """Args:
        models: files by the names of upscalers, see `ModelFile`.
        check: see `HandingOut`.
        placed: those that a workflow makes, in its order.
        fragment: that workflow, see `host.redraw.fragment`.
        """
        self.handing = HandingOut(pool, "window", check)
        self._models, self._code = models, code_digest()
        self._placed, self._fragment = placed, fragment

    def room(self) -> int:
        """See `Helpers`: one more than are done at once."""
        return self.handing.slots() + 1

    def hand(
        self,
        upscaler: ModelUpscaler,
        precision: Precision,
        pixels: torch.Tensor,
        keep: Keep,
        hear: Callable[[torch.Tensor], None] | None = None,
        depth: int = 0,
    ) -> HandedWindow:
        """See `Helpers`."""
        model = self._models.get(upscaler.name)
        task = (window_of(model, precision, pixels, keep, depth), self._code) if model else None
        shape = (len(pixels), keep.covered.height, keep.covered.width, pixels.shape[-1])
        return handed(self.handing, task, shape, hear)

    def hand_placed(
        self,
        upscaler: PlacedUpscaler,
        size: Size,
        pixels: torch.Tensor,
        place: Box,
        hear: Callable[[torch.Tensor], None] | None = None,
    ) -> HandedWindow:
        """See `Helpers`."""
        index = next((index for index, one in enumerate(self._placed) if one is upscaler), None)
        task = None
        if index is not None and self._fragment is not None:
            window = placed_window_of(self._fragment, place, size, pixels)
            task = ({**window, "upscaler": index}, self._code)
        return handed(self.handing, task, (3, place.height * upscaler.scale, place.width * upscaler.scale), hear)


class HandedWindow:
    """A window that was handed out: `Handed`."""

    def __init__(self, handing: HandingOut, waiting: Waiting, shape: tuple[int, ...]) -> None:
        self._handing, self._waiting, self._shape = handing, waiting, shape

    def answer(self) -> torch.Tensor | None:
        found = self._handing.answer(self._waiting)
        return _result(self._handing, found, self._shape) if found else None

    def drop(self) -> None:
        """Nobody waits for it any more."""
        self._handing.drop(self._waiting)


def handed(
    handing: HandingOut,
    task: tuple[Any, ...] | None,
    shape: tuple[int, ...],
    hear: Callable[[torch.Tensor], None] | None = None,
) -> HandedWindow:
    """Hand out a window.

    Args:
        task: arguments of the function; None where it has to be done here.
        shape: of the result.
        hear: gets the result as soon as it is there, while others are waited for.
    """

    def heard(found: Plain) -> None:
        result = _result(handing, found, shape)
        if result is not None and hear is not None:
            hear(result)

    return HandedWindow(handing, handing.start(task, heard if hear else None), shape)


def _result(handing: HandingOut, found: Plain, shape: tuple[int, ...]) -> torch.Tensor | None:
    """The window of an answer; None if it has to be done here."""
    if "failed" in found:
        handing.remark(f"a window was done by this machine, because at {found['who']}: {found['failed']}")
        return None
    result = from_plain(found)
    if result is None or tuple(result.shape) != shape:
        handing.remark(f"{found['who']} gave no window of {shape}; done by this machine")
        return None
    return result if result.is_floating_point() else from_levels(result.numpy())
