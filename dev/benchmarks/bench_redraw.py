"""The second pass of large pictures: in one piece, by Tiled Model, tile after tile. Used by `dev.py bench redraw`.

All ways get the demo's model, the same picture, prompt, seed, steps and sampler, in turns. Every seed has a picture of
its own: drawn at the size the model was trained at, and enlarged by Lanczos. Seams are measured on each way's own
lines, and there on the picture made in one piece, too, which shows what is chance.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ...hires.images.resample import to_8_bit
from ...hires.seams.meetings import Meetings
from ...hires.seams.report import change_of, enlarged, measure
from ..command_line import REDRAWS
from ..demo.jobs import DEMO
from ..fixtures import library
from ..host import real_host
from . import machine, peak_memory
from .redraw.figures import Way
from .redraw.narrow import make_narrow, narrow
from .redraw.ways import KEY, Meter, Pass, Tiling, clock, per_tile, per_tile_meetings, tiled_model

UNTILED = "untiled"
DEFAULT, OVERLAP, PER_TILE = REDRAWS
TILED = {DEFAULT: Tiling(192, 64), OVERLAP: Tiling(512, 64)}
"""The default is what Tiled Model chooses for a model of 128 pixels: 1.5 times that, of which a third is shared."""

FIRST_SEED = 100
CFG = 5.0
PIXELS, OVERHEAD, EXCESS, RANK = 1.31, 0.02, 1.05, 0.05
"""The goals: pixels sampled at an overlap of 1/8, time beyond calls of models, excess of lines, Kolmogorov's p."""


def load(options: argparse.Namespace) -> Pass:
    """The demo's checkpoint, and its prompt."""
    import comfy.sd
    from comfy.patcher_extension import WrappersMP

    checkpoint = str(library.ensure().demo)
    model, clip, vae, _ = comfy.sd.load_checkpoint_guess_config(checkpoint)
    if options.narrow:
        make_narrow(vae)
    assert model is not None
    model = narrow(model) if options.narrow else model.clone()
    prompts = [
        real_host.core_nodes().CLIPTextEncode().encode(clip, text)[0] for text in (DEMO.prompt, DEMO.negative_prompt)
    ]
    job = Pass(model, vae, *prompts, steps=options.steps, strength=options.strength, cfg=CFG)
    model.add_wrapper_with_key(WrappersMP.APPLY_MODEL, KEY, job.meter.apply)
    return job


def picture_of(job: Pass, seed: int, size: int) -> torch.Tensor:
    """The first pass, enlarged to `(1, size, size, 3)`."""
    latent = {"samples": torch.zeros(1, 4, DEMO.size // 8, DEMO.size // 8)}
    (sampled,) = (
        real_host.core_nodes()
        .KSampler()
        .sample(job.model, seed, 12, DEMO.cfg or 4.0, "dpmpp_2m", "karras", job.positive, job.negative, latent)
    )
    return enlarged(job.vae.decode(sampled["samples"]).cpu().float(), size, size).clamp(0, 1)


def ways_of(job: Pass, size: int) -> tuple[dict[str, Callable[..., torch.Tensor]], dict[str, Meetings]]:
    """How each way redraws, and where its tiles meet. Untiled is measured where those of the default do."""
    from ...host.tiles.layout import model_meetings

    ways: dict[str, Callable[..., torch.Tensor]] = {UNTILED: job.redraw}
    places: dict[str, Meetings] = {}
    for name, tiling in TILED.items():
        model = tiled_model(job, tiling)
        ways[name] = partial(job.redraw, model=model, vae_tile=tiling.vae_tile if tiling.vae_tile < size else 0)
        places[name], _ = model_meetings(model, size, size)
    ways[PER_TILE] = partial(per_tile, job)
    places |= {PER_TILE: per_tile_meetings(size), UNTILED: places[DEFAULT]}
    return ways, places


@contextmanager
def metered(job: Pass, way: Way) -> Iterator[None]:
    """Add what happens inside to what the way has taken."""
    before = Meter(job.meter.model, job.meter.vae, job.meter.cells)
    started = clock()
    yield
    way.seconds += clock() - started
    way.meter.model += job.meter.model - before.model
    way.meter.vae += job.meter.vae - before.vae
    way.meter.cells += job.meter.cells - before.cells


def redraw_all(job: Pass, options: argparse.Namespace, say: Callable[[str], None]) -> dict[str, Way]:
    """Redraw the pictures of all seeds in all ways, and measure."""
    ways, places = ways_of(job, options.size)
    found = {name: Way(name, len(places[name].all_lines)) for name in ways if name in {UNTILED, *options.only}}
    for seed in range(FIRST_SEED, FIRST_SEED + options.seeds):
        before = picture_of(job, seed, options.size)
        whole = torch.empty(0)
        for name, way in found.items():
            meeting = places[name]
            result = _redrawn(job, way, partial(ways[name], before, seed))
            way.figures.append(measure(change_of(result, before), meeting, meeting))
            if name == UNTILED:
                whole, control = result, way.figures[-1]
            elif meeting != places[UNTILED]:
                control = measure(change_of(whole, before), meeting, meeting)
            else:
                control = found[UNTILED].figures[-1]
            way.control.append(control)
            way.apart.append(measure(change_of(result, whole), meeting, meeting))
            way.distances.append(float(change_of(result, whole).square().mean().sqrt()))
            if options.pictures:
                _save(options.pictures, f"{seed}-{name}", result)
            say(f"seed {seed}, {name}: {way.seconds:.0f} s in sum")
        if options.pictures:
            _save(options.pictures, f"{seed}-before", before)
    return found


def _redrawn(job: Pass, way: Way, redraw: Callable[[], torch.Tensor]) -> torch.Tensor:
    """Run a way; the first time its memory is weighed, too."""
    results: list[torch.Tensor] = []

    def run() -> torch.Tensor:
        with metered(job, way):
            results.append(redraw())
        return results[0]

    if way.figures:
        run()
    else:
        way.peak = peak_memory.peak_beyond(run)
        if not results:  # where nothing tells of memory
            run()
    return results[0]


def _save(folder: Path, name: str, picture: torch.Tensor) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    to_8_bit(picture)[0].save(folder / f"{name}.png")


def run(options: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """Measure and print; returns the report and the exit status, which does not depend on the figures."""
    real_host.start(options.threads)
    with torch.inference_mode():  # as the host runs its nodes
        job = load(options)
        found = redraw_all(job, options, lambda line: print(line, flush=True))
    rows = [way.row(found[UNTILED]) for way in found.values()]
    print(f"\n{table(rows)}\n\n{beside(rows)}\n")
    print(
        f"{options.seeds} seed(s), {options.size} px, {options.steps} steps of strength {options.strength}"
        f"{', narrow network' if options.narrow else ''}. {machine.sentence()}.\n"
        f"Goals: at most {PIXELS} times the pixels at an overlap of 1/8, {OVERHEAD:.0%} beyond calls of models; at the "
        f"default an excess of at most {EXCESS}, p above {RANK}, no wave above the untiled picture's."
    )
    settings = {name: getattr(options, name) for name in ("seeds", "size", "steps", "strength", "narrow", "only")}
    goals = {"pixels_ratio": PIXELS, "overhead": OVERHEAD, "seam": EXCESS, "p": RANK}
    return {"settings": settings, "goals": goals, "machine": machine.describe(), "rows": rows}, 0


def table(rows: list[dict[str, Any]]) -> str:
    """The report as Markdown; after a slash the picture made in one piece, on the same lines."""
    heads = (
        "way",
        "pixels",
        "beyond calls",
        "peak",
        "lines: excess at 1, 4, 16 px",
        "p",
        "waves",
        "offset",
        "distance",
    )
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    for row in rows:
        control = row["control"]
        cells = [
            row["name"],
            _number(row["pixels_ratio"]),
            "-" if row["overhead"] is None else f"{row['overhead']:.1%}",
            _number(row["peak_ratio"]),
            f"{_numbers(row['seam'].values())} / {_numbers(control['seam'].values())}",
            f"{_numbers(row['p'].values())} / {_numbers(control['p'].values())}",
            f"{_numbers(row['period'])} / {_numbers(control['period'])}",
            f"{_number(row['tile_offset'])} / {_number(control['tile_offset'])}",
            _number(row["distance"]),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def beside(rows: list[dict[str, Any]]) -> str:
    """Of each way, line by line, how the excess of each kind of lines is to that of the picture made in one piece."""
    told = []
    for row in rows[1:]:
        kinds = {
            "all lines": row["beside_control"],
            **{kind: one["beside_control"] for kind, one in row["kinds"].items()},
        }
        for kind, scales in kinds.items():
            pairs = [
                f"{one['ratio']:.3f} ({one['above']} of {one['of']} above, p {one['sign_p']:.2f})"
                for one in scales.values()
                if one
            ]
            told.append(f"{row['name']}, {kind}, beside one piece: {', '.join(pairs)}")
    return "\n".join(told)


def _numbers(values: Any) -> str:
    return ", ".join(map(_number, values))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
