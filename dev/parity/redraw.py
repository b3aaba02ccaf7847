"""A recorded img2img job, with or without a script: the graphs that A1111's API makes of its request here, and probes.

Nothing is translated here: whatever `sdapi` cannot do shows as a refusal.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from ...hires.graph.builder import Graph, Node, Output
from ...hires.infotext.to_graph.loaders import ModelFiles
from ...hires.prompts.styles import Style, read_styles
from ...hires.sampling.menus import FILTERS
from ...sdapi.colours import colours_of
from ...sdapi.generate import img2img, loopback, sd_upscale
from ...sdapi.generate.asked import asked_for, with_infotext
from ...sdapi.generate.graph import GIVES
from ...sdapi.generate.house import House
from ...sdapi.generate.img2img import Afterwards
from ...sdapi.generate.models import read
from ...sdapi.generate.pictures import grid
from ...sdapi.generate.requests import Img2Img
from ...sdapi.generate.scripts import script_of
from ...sdapi.option_table import CHECKPOINT
from ...sdapi.options import Options
from ...sdapi.scripts import LOOPBACK, SD_UPSCALE
from .cases import Case, extra_models
from .graph import LooseNode, Plan, Variant
from .names import ModelNames
from .prompts import Prompts
from .settings import NotMappedError, Settings

Levels = NDArray[np.uint8]
"""Pictures in 8 bits."""

REST = "rest."
"""Stage that begins with a recorded picture."""


@dataclass(frozen=True)
class Batch:
    """One batch of a redraw: where it was saved, and where it is recorded."""

    stage: str
    run: int
    iteration: int = 0
    place: int = 0
    """In the lists that were saved."""
    of: int = 1
    """Batches that such a list holds."""


@dataclass
class RedrawPlan(Plan):
    batches: list[Batch] = field(default_factory=list)
    afterwards: dict[str, Afterwards] = field(default_factory=dict)
    """By stage."""
    shown: list[str] = field(default_factory=list)
    """The stages whose pictures the program returned, in their order."""
    arranged: Callable[[list[Image.Image]], list[Image.Image]] = list
    """What the program makes of these pictures before it returns them."""

    def put(self, picture: Image.Image) -> str:
        """Keep a picture for the input folder; returns its name."""
        file = io.BytesIO()
        picture.save(file, "PNG")
        name = f"{self.run_id}-{len(self.uploads)}.png"
        self.uploads[name] = file.getvalue()
        return name

    def recorded(self, levels: Levels, key: str) -> Output:
        """Recorded 8-bit pictures `(B, H, W, 3)` as IMAGE."""
        # half a level up: whatever happens on the way, the 8 bits are those recorded
        self.tensors[key] = (torch.from_numpy(levels.copy()).float() + 0.5) / 255
        return self.graph.node("ProbeImage", file=self.file, key=key).out()


def build(case: Case, variant: Variant, names: ModelNames) -> RedrawPlan:
    """Return the whole job as one graph.

    Raises NotMappedError for a field that the API does not know, ApiError and GraphError for what it refuses, CaseError
    if a recorded file is missing.
    """
    return _Job(case, variant, names).plan


class _Job:
    def __init__(self, case: Case, variant: Variant, names: ModelNames) -> None:
        self.case, self.plan = case, RedrawPlan()
        self.prompts = Prompts(case, Settings(case), self.plan, variant)
        self.house = _house(case, names)
        request = self.request()
        settings = {**(case.data.get("options") or {}), **(request.override_settings or {})}
        options = Options(case.folder / "options.json", self.house.checkpoint).with_overrides(
            {CHECKPOINT: case.data["checkpoint"], **settings}
        )
        self.asked = asked_for(request, options, self.house)
        self.sent = img2img.sent_pictures(request, str(options["img2img_background_color"]))
        script = script_of(request, is_img2img=True)
        {None: self.plain, SD_UPSCALE: self.sd_upscale, LOOPBACK: self.loopback}[script]()

    def request(self) -> Img2Img:
        """What was sent, with the seeds that it came to."""
        unknown = [f"{name}={value}" for name, value in self.case.request.items() if name not in Img2Img.model_fields]
        if unknown:
            raise NotMappedError(*unknown)
        run = self.case.runs[0] if self.case.runs else {}
        seeds = {f"{name}seed": run[f"{name}seeds"][0] for name in ("", "sub") if run.get(f"{name}seeds")}
        return with_infotext(read(Img2Img, {**self.case.sent, **seeds}))

    def plain(self) -> None:
        loaded, found = img2img.prepared(self.asked, self.sent, self.plan.put, _enlarge)
        for number in range(self.asked.n_iter):
            graph = img2img.graph_of(self.asked, number, self.house, loaded)
            self.add(graph, f"it{number}.", 0, number, found)
            self.plan.shown.append(f"it{number}.")

    def loopback(self) -> None:
        """Every loop begins with the picture that was recorded of the one before."""
        script = loopback.arguments(self.asked)
        before: list[Image.Image] = []
        for number in range(script.loops * self.asked.n_iter):
            loop = number % script.loops
            before = self.recorded_results(number - 1) if loop else self.sent
            mine = script.asked(self.asked, loop, number)
            colours = colours_of(self.sent[0]) if self.asked.options["img2img_color_correction"] else None
            graph, found = loopback.graph_of(mine, number, self.house, before, self.plan.put, _enlarge, colours)
            self.add(graph, f"r{number}.", number, 0, found)
            if self.asked.n_iter == 1 or loop == script.loops - 1:
                self.plan.shown.append(f"r{number}.")
        if len(self.plan.shown) > 1:
            self.plan.arranged = lambda pictures: [grid(pictures, 1), *pictures]

    def recorded_results(self, run: int) -> list[Image.Image]:
        with Image.open(io.BytesIO(self.case.file(f"r{run}_image_0.png"))) as opened:
            return [opened.convert("RGB")]

    def sd_upscale(self) -> None:
        script = sd_upscale.arguments(self.asked, self.house)
        name = self.plan.put(self.sent[0])
        for number in range(self.asked.n_iter):
            graph = sd_upscale.graph_of(self.asked, script, number, self.house, name)
            runs, stage = runs_of_picture(self.case, number), f"n{number}."
            record = self.record(runs[0]) if runs else {}
            taken = Taken(self.plan, self.prompts, record, stage)
            taken.add(graph)
            self.plan.shown.append(stage)
            self.plan.batches += [Batch(stage, run, 0, place, len(runs)) for place, run in enumerate(runs)]
            tiles = recorded_tiles(self.case, number)
            if tiles is not None:
                # A1111 fills tiles that are no whole cells up with black
                short = self.asked.sides[1] - tiles.shape[1], self.asked.sides[0] - tiles.shape[2]
                filled = np.pad(tiles, [(0, 0), (0, short[0]), (0, short[1]), (0, 0)])
                instead = {("HiresFixCombineTiles", "tiles"): self.plan.recorded(filled, f"tiles{number}")}
                Taken(self.plan, self.prompts, record, stage + REST, "HiresFixCombineTiles").add(graph, instead)
            upscaled = self.case.stage_picture("upscaled")
            if upscaled is not None and number == 0 and script.upscaler not in FILTERS:  # tells rounding from mistakes
                instead = {("HiresFixSplitTiles", "image"): self.plan.recorded(upscaled[None], "upscaled")}
                Taken(self.plan, self.prompts, record, REST).add(graph, instead)

    def add(self, graph: Graph, stage: str, run: int, iteration: int, found: Afterwards) -> None:
        """A graph of one batch."""
        Taken(self.plan, self.prompts, self.record(run, iteration), stage).add(graph)
        self.plan.batches.append(Batch(stage, run, iteration))
        self.plan.afterwards[stage] = found

    def record(self, run: int, iteration: int = 0) -> dict[str, Any]:
        """What was recorded of a batch; nothing where the program failed before."""
        runs = self.case.runs[run : run + 1]
        found = runs[0]["iterations"][iteration : iteration + 1] if runs else []
        return found[0] if found else {}


def _enlarge(image: Image.Image, factor: float) -> Image.Image:
    raise NotMappedError("upscaler_for_img2img before or after the graph that draws")


class Taken:
    """Takes graphs over into a plan, with recorded prompts and a probe wherever something is compared."""

    def __init__(
        self, plan: Plan, prompts: Prompts, record: Mapping[str, Any], stage: str, only: str | None = None
    ) -> None:
        """`stage`: what the names of all that is saved begin with; `only`: the one class of nodes that is probed."""
        self.plan, self.prompts, self.record, self.stage, self.only = plan, prompts, dict(record), stage, only

    def add(self, graph: Graph, instead: Mapping[tuple[str, str], Output] | None = None) -> None:
        """Add every node. `instead`: what inputs get in the place of their own, by class and name."""
        made: dict[Node, LooseNode] = {}
        for node in graph.nodes:
            kind = node.definition.type
            inputs: dict[str, Any] = {
                name: Output(made[value.node], value.index) if isinstance(value, Output) else value
                for name, value in node.inputs.items()
            }
            inputs |= {name: value for (of, name), value in (instead or {}).items() if of == kind}
            probe = getattr(self, f"_{kind}", None) if self.only in (None, kind) else None
            if kind == GIVES:
                if self.only is None:
                    self.plan.save(self.stage + "image", image=inputs["images"])
            elif probe:
                made[node] = probe(kind, inputs)
            else:
                made[node] = self.plan.graph.node(kind, **inputs)

    def _HiresFixEncodeAnySize(self, kind: str, inputs: dict[str, Any]) -> LooseNode:  # noqa: N802 - classes of nodes
        self.plan.save(self.stage + "given", image=inputs["image"])
        return self.plan.graph.node(kind, **inputs)

    def _HiresFixSplitTiles(self, kind: str, inputs: dict[str, Any]) -> LooseNode:  # noqa: N802
        self.plan.save(self.stage + "upscaled", image=inputs["image"])
        return self.plan.graph.node(kind, **inputs)

    def _HiresFixRefiner(self, kind: str, inputs: dict[str, Any]) -> LooseNode:  # noqa: N802
        return self.plan.graph.node(kind, **self._prompted(inputs, after_switch=True))

    def _HiresFixRenoise(self, kind: str, inputs: dict[str, Any]) -> LooseNode:  # noqa: N802
        latent, noise = inputs["latent"], inputs["noise"]
        noised = self.plan.graph.node(kind, **self._watched(inputs))
        self.plan.save_all(self.stage + "hr.init", latent)
        self.plan.save_all(
            self.stage + "hr.noise", self.plan.graph.node("ProbeNoise", noise=noise, latent=latent).out()
        )
        self.plan.save_all(self.stage + "hr.noised", noised.out("latent"))
        self.plan.save(self.stage + "hr.sigmas", sigmas=noised.out("sigmas"))
        return noised

    def _HiresFixSecondSampling(self, kind: str, inputs: dict[str, Any]) -> LooseNode:  # noqa: N802
        drawn = self.plan.graph.node(kind, **self._prompted(self._watched(inputs)))
        self.plan.save_calls(self.stage + "hr.calls", drawn.out())
        return drawn

    def _VAEDecode(self, kind: str, inputs: dict[str, Any]) -> LooseNode:  # noqa: N802
        self.plan.save_all(self.stage + "hr.latent", inputs["samples"])
        return self.plan.graph.node(kind, **inputs)

    def _HiresFixDecodeTiles(self, kind: str, inputs: dict[str, Any]) -> LooseNode:  # noqa: N802
        self.plan.save_all(self.stage + "hr.latent", inputs["latent"])
        decoded = self.plan.graph.node(kind, **inputs)
        self.plan.save(self.stage + "tiles", image=decoded.out())
        return decoded

    def _HiresFixCombineTiles(self, kind: str, inputs: dict[str, Any]) -> LooseNode:  # noqa: N802
        combined = self.plan.graph.node(kind, **inputs)
        if self.only:
            self.plan.save(self.stage + "image", image=combined.out())
        return combined

    def _watched(self, inputs: dict[str, Any]) -> dict[str, Any]:
        return {**inputs, "model": self.plan.watch(inputs["model"], self.stage + "hr.calls")}

    def _prompted(self, inputs: dict[str, Any], after_switch: bool = False) -> dict[str, Any]:
        clip = inputs["positive"].node.inputs["clip"]
        found = self.prompts.injected(self.record, clip, after_switch)
        return {**inputs, "positive": found[0], "negative": found[1]} if found else inputs


def runs_of_picture(case: Case, number: int) -> range:
    """The runs of one repeat of the picture that SD upscale makes."""
    each = len(case.runs) // max(1, int(case.resolved("n_iter", 1)))
    return range(number * each, (number + 1) * each)


def recorded_tiles(case: Case, number: int) -> Levels | None:
    """Every tile of one repeat as it was recorded, `(count, H, W, 3)`; None where one is missing."""
    count = sum(len(row) for row in (case.data.get("grid") or {}).get("tiles", []))
    found: list[Levels] = []
    for run in runs_of_picture(case, number):
        pictures: Sequence[Levels | None] = [
            case.stage_picture(f"r{run}_image_{item}") for item in range(len(case.runs[run]["seeds"]))
        ]
        found += [picture for picture in pictures if picture is not None]
    # a last batch of one tile is drawn as often as a batch has tiles
    return np.stack(found[:count]) if 0 < count <= len(found) else None


def _house(case: Case, names: ModelNames) -> House:
    """The server that the case is run on, in the place of that which was recorded."""
    on_cpu = case.data.get("program", {}).get("device") == "cpu"
    files = ModelFiles(
        checkpoints=list(names.checkpoints.values()),
        loras=list(names.loras.values()),
        upscalers=list(names.upscalers.values()),
    )
    return House(files, "", _styles(case), has_gpu_noise=not on_cpu)


def _styles(case: Case) -> dict[str, Style]:
    """What the recorded server had in its table."""
    extra = extra_models(case.shelf)
    table = extra / "styles.csv" if extra else None
    if table is None or not table.is_file():
        return {}
    with table.open(encoding="utf-8-sig", newline="") as opened:
        return read_styles(opened)
