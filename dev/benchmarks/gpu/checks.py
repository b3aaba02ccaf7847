"""What only a card can show: right pictures first, then speed beside core's node. Needs the host's modules."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import comfy.model_management
import torch
from comfy_extras.nodes_upscale_model import ImageUpscaleWithModel
from spandrel.architectures.ESRGAN import ESRGAN
from torch import nn

from ....hires.plan.upscale import UpscaleRequest
from ....host.upscaling.pictures import upscale_image
from ....host.upscaling.runtime import HostRuntime, patcher_of
from ....upscale_models import ModelUpscaler, TileSettings, from_state_dict, is_allocation_failure
from ...fixtures.seeded_network import enliven
from .. import bench_sampling, pairs
from ..pictures import decibels
from ..upscale_jobs import AUTO, CORE, EXACT, Job, jobs
from ..upscale_sides import Sides

MODELS = ("esrgan", "compact", "swinir")
LEAST_DECIBELS = {AUTO: 50.0, EXACT: 115.0}
"""To the CPU's float32; EXACT is as near as two orders of the same sums come, TF32 some 70."""

TEXTS = (
    "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "CUDA error: out of memory",
)


@dataclass(frozen=True)
class Row:
    """One finding."""

    name: str
    found: float
    unit: str
    good: bool | None = None
    """None: a measurement, which nothing is asked of."""


@dataclass(frozen=True)
class Sizes:
    """How much is done."""

    crop: int
    """Side of what the CPU checks, in pixels."""
    side: int | None
    """Of the timed pictures; None: the benchmark's own."""
    small: tuple[int, int]
    """How many small pictures, and their side."""
    again: int
    """Runs that have to be equal bit by bit."""
    rounds: int


CARD = Sizes(crop=192, side=None, small=(200, 64), again=20, rounds=3)
DRY = Sizes(crop=64, side=160, small=(3, 16), again=2, rounds=1)


def chosen_jobs(dry: bool) -> dict[str, Job]:
    """By name; a dry run takes them smaller, and a shorter ESRGAN."""
    found = {name: job for name, job in jobs(not dry).items() if name in MODELS}
    if dry:
        found = {name: replace(job, width=DRY.side, height=DRY.side) for name, job in found.items()}
        short = lambda: enliven(ESRGAN(num_filters=16, num_blocks=1, scale=4), 52)  # noqa: E731
        found["esrgan"] = replace(found["esrgan"], name="ESRGAN 1", make=short)
    # some networks have weights that are drawn anew each time
    return {name: replace(job, make=cache(job.make)) for name, job in found.items()}


def rows(dry: bool) -> Iterator[Row]:
    """All of it; what cannot be asked of a CPU is left out of a dry run."""
    sizes = DRY if dry else CARD
    found = {name: Sides(job) for name, job in chosen_jobs(dry).items()}
    for sides in found.values():
        yield from _right(sides, sizes)
    yield from _memory(found["compact"], sizes)
    for sides in found.values():
        yield from _speed(sides, sizes)
    yield from _small(found["compact"], sizes)
    if not dry:
        for sides in found.values():
            yield from _layouts(sides)
        for each in bench_sampling.subjects():
            for row in bench_sampling.rows_of(each, sizes.rounds, lambda _: None):
                yield Row(f"{row.name}, time over core's", row.ratio, "×", row.ratio <= bench_sampling.GOAL)


def _right(sides: Sides, sizes: Sizes) -> Iterator[Row]:
    """The whole node beside the CPU's float32, untiled; what was set for torch stays; runs are equal."""
    whole, sides.picture = sides.picture, sides.picture[:, : sizes.crop, : sizes.crop].contiguous()
    network = sides.job.make().eval()
    model = from_state_dict(sides.job.name, network.state_dict()).descriptor.model.cpu().float()
    with torch.inference_mode():
        truth = model(sides.picture.movedim(-1, 1).cpu()).movedim(1, -1).clamp(0, 1)
    before = _flags()
    for way in (EXACT, AUTO):
        ours = sides.way(way)().cpu()
        near = min(decibels(ours, truth), 999.0)
        yield Row(f"{sides.job.name}, {way}: to the CPU's float32", near, "dB", near >= LEAST_DECIBELS[way])
        equal = sum(torch.equal(sides.way(way)().cpu(), ours) for _ in range(sizes.again))
        yield Row(f"{sides.job.name}, {way}: equal runs of {sizes.again}", equal, "", equal == sizes.again)
    yield Row(f"{sides.job.name}: torch is set as before", float(_flags() == before), "", _flags() == before)
    sides.picture = whole


def _flags() -> tuple[Any, ...]:
    cudnn = torch.backends.cudnn
    return cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32, cudnn.benchmark, cudnn.deterministic


def _memory(sides: Sides, sizes: Sizes) -> Iterator[Row]:
    """Out of memory is seen, and ends in smaller tiles with the same picture."""
    seen = sum(is_allocation_failure(RuntimeError(text)) for text in TEXTS)
    yield Row(f"known texts of {len(TEXTS)} about memory", seen, "", seen == len(TEXTS))
    expected = sides.way(EXACT)().cpu()
    upscaler = from_state_dict(sides.job.name, sides.job.make().state_dict())
    request = UpscaleRequest(upscaler, sides.job.size, True, tiles=TileSettings(precision=EXACT))
    longest = max(sides.picture.shape[1:3])
    tries: list[int] = []

    def refuse(module: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        tries.append(max(given[0].shape[2:]))
        if tries[-1] >= longest:
            raise torch.OutOfMemoryError("refused, to see what follows")

    hook = upscaler.descriptor.model.register_forward_pre_hook(refuse)
    smaller = upscale_image(sides.picture, request).cpu()
    hook.remove()
    near = min(decibels(smaller, expected), 999.0)
    yield Row(f"refused tiles of {longest} pixels", sum(side >= longest for side in tries), "", len(tries) > 1)
    yield Row("smaller tiles than fit: to the whole", near, "dB", near >= LEAST_DECIBELS[EXACT])
    if torch.cuda.is_available():
        yield from _capped(sides, upscaler, expected)


def _capped(sides: Sides, upscaler: ModelUpscaler, expected: torch.Tensor) -> Iterator[Row]:
    """The allocator itself has no more: what the pack believes to be free is not."""
    comfy.model_management.soft_empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, (torch.cuda.memory_allocated() + 2**29) / total))
    try:
        request = UpscaleRequest(upscaler, sides.job.size, True, tiles=TileSettings(size=1024, precision=EXACT))
        near = min(decibels(upscale_image(sides.picture, request).cpu(), expected), 999.0)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    yield Row("512 MB for tiles of 1024: to the whole", near, "dB", near >= LEAST_DECIBELS[EXACT])


def _speed(sides: Sides, sizes: Sizes) -> Iterator[Row]:
    names = (CORE, AUTO, EXACT)
    sides.warm_up(*names)
    times = pairs.in_turns({name: sides.way(name) for name in names}, dict.fromkeys(names, sizes.rounds))
    for name in names[1:]:
        yield Row(f"{sides.job.title}, {name}: speed over core's", pairs.ratio(times[CORE], times[name]).wall, "×")


def _small(sides: Sides, sizes: Sizes) -> Iterator[Row]:
    """One node after another: what each call costs by itself. And how often the cache is emptied for them."""
    count, side = sizes.small
    picture = sides.picture[:, :side, :side].contiguous()
    upscaler = from_state_dict(sides.job.name, sides.job.make().state_dict())
    patcher_of(upscaler)
    request = UpscaleRequest(upscaler, (4 * side, 4 * side), True)

    def many(one: Callable[[], Any]) -> Callable[[], None]:
        def run() -> None:
            for _ in range(count):
                one()

        return run

    ways = {
        "ours": many(lambda: upscale_image(picture, request)),
        "core": many(lambda: ImageUpscaleWithModel.execute(upscaler.descriptor, picture)),
    }
    pairs.in_turns(ways, dict.fromkeys(ways, 1))
    times = pairs.in_turns(ways, dict.fromkeys(ways, sizes.rounds))
    yield Row(f"{count} pictures of {side}²: speed over core's", pairs.ratio(times["core"], times["ours"]).wall, "×")
    runtime, emptied = HostRuntime(), []
    with _counted(emptied):
        prepared = pairs.timed(lambda: [runtime.prepare(upscaler, 0) for _ in range(count)])
        yield Row("bringing a model that is there", 1e3 * prepared.wall / count, "ms")
        yield Row("caches emptied for that", len(emptied), "", not emptied)
        runtime.is_out_of_memory(torch.OutOfMemoryError("to see what follows"))
        for _ in range(2):
            runtime.prepare(upscaler, 0)
        yield Row("caches emptied after memory ran out", len(emptied), "", len(emptied) == 1)


@contextmanager
def _counted(calls: list[bool]) -> Iterator[None]:
    """Note every time that the host empties its cache."""
    empty = comfy.model_management.soft_empty_cache

    def counted(force: bool = False) -> None:
        calls.append(force)
        empty(force)

    comfy.model_management.soft_empty_cache = counted
    try:
        yield
    finally:
        comfy.model_management.soft_empty_cache = empty


def _layouts(sides: Sides) -> Iterator[Row]:
    """The bare model on a tile: what weights in the layout of the tile, and cuDNN's search, would gain."""
    model = from_state_dict(sides.job.name, sides.job.make().state_dict()).descriptor.model.cuda().half()
    tile = torch.rand(1, 3, 544, 544, device="cuda").half().contiguous(memory_format=torch.channels_last)
    other = copy.deepcopy(model)
    for weights in other.parameters():
        if weights.ndim == 4:
            weights.data = weights.data.contiguous(memory_format=torch.channels_last)
    searched = torch.backends.cudnn.benchmark

    def search() -> None:
        torch.backends.cudnn.benchmark = True
        try:
            model(tile)
        finally:
            torch.backends.cudnn.benchmark = searched

    ways = {"as it is": lambda: model(tile), "weights channels last": lambda: other(tile), "cuDNN's search": search}
    pairs.in_turns(ways, dict.fromkeys(ways, 2))
    times = pairs.in_turns(ways, dict.fromkeys(ways, 5))
    for name in ("weights channels last", "cuDNN's search"):
        yield Row(f"{sides.job.name}, bare tile, {name}: speed", pairs.ratio(times["as it is"], times[name]).wall, "×")
