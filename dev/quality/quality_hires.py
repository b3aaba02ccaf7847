"""What hires fix gains, over many seeds of the demo checkpoint. Used by `dev.py quality`.

Three questions, each answered seed by seed with equal settings on a real ComfyUI:

- Does the picture show what the prompt says? Hires fix against sampling directly at the large size.
- Is the composition that of the base picture? The same two, brought down to the base's size.
- Is there more detail than in an enlargement? Hires fix against Lanczos of the base: sharper edges, steeper inside of
  houses and trees, and nearer to the detail of scenes that are drawn for the prompt at the large size.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..benchmarks import machine
from ..demo import checkpoint, sheet
from ..training.world import checks
from . import hires_detail as detail
from . import hires_measures as measures
from .confidence import LEAST_PAIRS, LEVEL, compare
from .hires_pictures import Drawn, Settings, batches, draw_all

ROOT = Path(__file__).absolute().parent.parent.parent
CHECKPOINTS = ROOT / ".host" / "demo"
SHEET = ROOT / "output" / "quality-hires.png"
UPSCALER = "hires-fix-2x.safetensors"
SHOWN = 8
"""Seeds on the sheet: the first one of each prompt, not chosen ones."""


@dataclass(frozen=True)
class Row:
    """One seed."""

    prompt: str
    seed: int
    adherence_base: float
    """Share of the prompt's statements that hold, from 0 to 1."""
    adherence_hires: float
    adherence_direct: float
    adherence_chance: float
    """What the hires fix of this prompt holds of all the other prompts: nobody asked for it."""
    counts_hires: float | None
    """The same of those statements that count something; None where none does."""
    counts_direct: float | None
    composition_hires: float
    """SSIM with the base at the base's size, at most 1."""
    composition_direct: float
    sharpness_hires: float
    """Steepness of edges, 1 over their width in pixels."""
    sharpness_lanczos: float
    inside_hires: float | None
    """Mean step of luma inside of houses and trees; None where there are none in one of the two."""
    inside_lanczos: float | None
    likeness_hires: float
    """How much the detail is that of scenes drawn for the prompt at the large size, at most 1."""
    likeness_lanczos: float
    likeness_direct: float
    grain_hires: float
    """Noise in flat parts, in luma from 0 to 1: sharpness must not come from it."""
    grain_lanczos: float


def measure(
    drawn: Drawn,
    holding: Callable[[Image.Image, str], dict[str, bool]] = checks.holding,
    by_chance: Callable[[Image.Image, str], float] = checks.by_chance,
    likeness: Callable[[Image.Image, str], float] = detail.likeness,
) -> Row:
    """Measure all ways of one seed. Places of edges and flat parts are those of the enlarged base."""
    base, ours, theirs = (holding(picture, drawn.prompt) for picture in (drawn.base, drawn.hires, drawn.direct))
    enlarged, hires = measures.luma(drawn.enlarged), measures.luma(drawn.hires)
    edges, flat = measures.edges(enlarged), measures.flat_parts(enlarged)
    inside = detail.steepness_inside(drawn.hires), detail.steepness_inside(drawn.enlarged)
    both = None not in inside
    return Row(
        prompt=drawn.prompt,
        seed=drawn.seed,
        adherence_base=_share(base.values()),
        adherence_hires=_share(ours.values()),
        adherence_direct=_share(theirs.values()),
        adherence_chance=by_chance(drawn.hires, drawn.prompt),
        counts_hires=_counts(ours),
        counts_direct=_counts(theirs),
        composition_hires=measures.composition(drawn.hires, drawn.base),
        composition_direct=measures.composition(drawn.direct, drawn.base),
        sharpness_hires=measures.edge_sharpness(hires, edges),
        sharpness_lanczos=measures.edge_sharpness(enlarged, edges),
        inside_hires=inside[0] if both else None,
        inside_lanczos=inside[1] if both else None,
        likeness_hires=likeness(drawn.hires, drawn.prompt),
        likeness_lanczos=likeness(drawn.enlarged, drawn.prompt),
        likeness_direct=likeness(drawn.direct, drawn.prompt),
        grain_hires=measures.grain(hires, flat),
        grain_lanczos=measures.grain(enlarged, flat),
    )


def _share(held: Iterable[bool]) -> float:
    return float(np.mean(list(held)))


def _counts(held: dict[str, bool]) -> float | None:
    counted = [value for subject, value in held.items() if subject in checks.COUNTS]
    return _share(counted) if counted else None


MEASURES = {
    "prompt adherence": ("adherence_hires", "adherence_direct", "direct"),
    "composition agreement": ("composition_hires", "composition_direct", "direct"),
    "sharpness": ("sharpness_hires", "sharpness_lanczos", "Lanczos"),
    "steepness inside things": ("inside_hires", "inside_lanczos", "Lanczos"),
    "detail as drawn": ("likeness_hires", "likeness_lanczos", "Lanczos"),
}
"""Name -> field of hires fix, field of the other way, what that is."""

MEANS = (
    "adherence_base", "adherence_chance", "counts_hires", "counts_direct", "grain_hires", "grain_lanczos",
    "likeness_direct",
)  # fmt: skip
"""Fields that are only reported."""


def _mean(rows: Sequence[Row], field: str) -> float | None:
    """Over the rows that have it."""
    values = [value for value in (getattr(row, field) for row in rows) if value is not None]
    return float(np.mean(values)) if values else None


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """The comparisons and how many of them hires fix wins, see `confidence.Comparison.wins`."""
    compared = {}
    for name, (ours, theirs, _) in MEASURES.items():
        pairs = [(getattr(row, ours), getattr(row, theirs)) for row in rows]
        known = [pair for pair in pairs if None not in pair]
        if known:
            compared[name] = compare(*zip(*known, strict=True))
    means = {name: _mean(rows, name) for name in MEANS}
    sharpness = compared["sharpness"]
    return {
        "hires_wins": sum(comparison.wins for comparison in compared.values()),
        "measures": {
            name: {"against": MEASURES[name][2], **asdict(comparison), "difference": comparison.difference}
            | {"wins": comparison.wins}
            for name, comparison in compared.items()
        },
        "sharpness_gain": sharpness.ours / sharpness.theirs - 1 if sharpness.theirs else None,
        **means,
    }


def table(rows: Sequence[Row]) -> str:
    """The comparisons to read, in Markdown, with what they rest on."""
    found = summary(rows)
    lines = [
        f"| {len(rows)} seeds | hires fix | against | | difference ({LEVEL:.0%} interval) | better / worse "
        "| sign test |",
        "|---|---:|---|---:|---:|---:|---:|",
    ]
    for name, line in found["measures"].items():
        lines.append(
            f"| {name} | {line['ours']:.3f} | {line['against']} | {line['theirs']:.3f} "
            f"| {line['difference']:+.3f} ({line['low']:+.3f} to {line['high']:+.3f}) "
            f"| {line['better']} / {line['worse']} | p = {line['p']:.2g} |"
        )
    gain = found["sharpness_gain"]
    lines += [
        "",
        f"Hires fix wins {found['hires_wins']} of {len(found['measures'])}: a win is a {LEVEL:.0%} interval (paired "
        f"bootstrap) that lies above 0, of at least {LEAST_PAIRS} seeds.",
        f"Edges are {'not found' if gain is None else f'{gain:+.0%} steeper'} than after Lanczos; grain in flat parts "
        f"{found['grain_hires']:.4f} against {found['grain_lanczos']:.4f}.",
        f"The base pictures' own prompt adherence is {found['adherence_base']:.3f}; "
        f"of all the other prompts, hires fix shows {found['adherence_chance']:.3f} by chance.",
        f"Sampled directly, the detail is as drawn by {found['likeness_direct']:.3f}.",
    ]
    if found["counts_hires"] is not None:
        lines.append(
            f"Of the statements that count something (one sun, one house, two trees) {found['counts_hires']:.0%} hold "
            f"with hires fix, {found['counts_direct']:.0%} sampled directly."
        )
    return "\n".join(lines)


def hires_quality(seeds: int, jobs: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Draw, measure and print; returns the JSON. About ten minutes on two idle cores for a hundred seeds.

    `seeds` pictures are drawn by `jobs` servers. Raises `HostError`: no ComfyUI starts; `ClientError`: a run failed;
    `WeightsError`: the demo checkpoint's weights are not as shipped.
    """
    CHECKPOINTS.mkdir(parents=True, exist_ok=True)
    file = checkpoint.ensure(CHECKPOINTS)
    fast = machine.kind() in (machine.CPU_AMX, machine.CPU_BF16)
    settings = Settings(file.name, UPSCALER, precision="bf16" if fast else "default")
    todo = batches(list(checks.PROMPTS), seeds)
    size, large = settings.size, settings.size * settings.factor
    say(
        f"Hires fix {size}² → {large}² beside {large}² sampled directly: {seeds} seeds, {len(todo)} prompts, "
        f"{settings.steps} steps of {settings.sampler} {settings.scheduler}, cfg {settings.cfg:g}, "
        f"strength {settings.denoising_strength:g}, {settings.upscaler}, UNet's precision {settings.precision}"
    )
    started = time.monotonic()
    rows: list[Row] = []
    shown: list[Drawn] = []
    for batch in draw_all(file, todo, settings, jobs, say):
        rows += [measure(drawn) for drawn in batch]
        shown.append(batch[0])
    rows.sort(key=lambda row: (row.prompt, row.seed))
    shown.sort(key=lambda drawn: drawn.seed)
    write_sheet(shown[:SHOWN])
    say(f"\n{table(rows)}\nPictures: {SHEET.relative_to(ROOT)}")
    return {
        **summary(rows),
        "settings": asdict(settings),
        "seconds": round(time.monotonic() - started),
        "rows": [asdict(row) for row in rows],
    }


def write_sheet(shown: Sequence[Drawn]) -> None:
    """Write the pictures of some seeds side by side."""
    SHEET.parent.mkdir(exist_ok=True)
    panels = [
        [
            (f"{drawn.prompt} ({drawn.seed})", drawn.base),
            ("Lanczos", drawn.enlarged),
            ("hires fix", drawn.hires),
            ("sampled directly", drawn.direct),
        ]
        for drawn in shown
    ]
    sheet.write_sheet(SHEET, panels)
