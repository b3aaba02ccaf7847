"""The nodes for a recorded job of A1111's script SD upscale: upscale, split, redraw every tile, combine."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import torch

from ...hires.graph.builder import Node, Output
from ...hires.sampling.menus import FILTERS
from ...sdapi.generate.graph import NO_TILES
from .cases import Case
from .graph import Plan, Variant
from .img2img import RedrawJob
from .names import ModelNames
from .settings import NotMappedError

SCRIPT = "sd upscale"


def build(case: Case, variant: Variant, names: ModelNames) -> Plan:
    """Return the whole job as one graph.

    Raises NotMappedError for a setting that is not at A1111's default and that no node has, CaseError if a recorded
    file is missing.
    """
    job = _Job(case, variant, names)
    split = job.split(job.upscaled())
    for number in range(int(job.get("n_iter"))):
        job.picture(number, split)
    job.finish()
    return job.plan


class _Job(RedrawJob):
    def __init__(self, case: Case, variant: Variant, names: ModelNames) -> None:
        super().__init__(case, variant, names)
        script, arguments = self.settings.field("script_name"), self.settings.field("script_args")
        if str(script).lower() != SCRIPT or len(arguments) < 4:
            raise NotMappedError(f"script_name={script}", f"script_args={arguments}")
        _, self.overlap, self.upscaler, self.factor = arguments[:4]
        # tiles are cut at their size, so that there is nothing to resize
        self.settings.handled(("resize_mode", "upscaler_for_img2img"))
        self.tile, self.tile_overlap = (int(self.settings.option(f"ESRGAN_tile{end}")) for end in ("", "_overlap"))

    def upscaled(self) -> Output:
        """The enlarged picture."""
        (given,) = self.given()[:1] or [None]
        if given is None:
            raise NotMappedError("init_images=[]")
        text = " ".join(self.case.data.get("infotexts", []))
        said = re.search(r"SD upscale upscaler: ([^,]+)", text)
        name = self.names.sd_upscale_upscaler(said[1] if said else self.upscaler)
        self.has_model = name not in FILTERS
        large = self.graph.node(
            "HiresFixUpscaleImage",
            image=given,
            upscaler=self.graph.node("HiresFixUpscalerLoader", upscaler_name=name).out(),
            resize_mode="scale by",
            upscaling_resize=float(self.factor),
            upscaling_resize_w=self.width,
            upscaling_resize_h=self.height,
            upscaling_crop=True,
            tile_size=self.tile or NO_TILES,
            tile_overlap=self.tile_overlap,
            numbers="A1111",
        ).out()
        self.plan.save("upscaled", image=large)
        return large

    def split(self, image: Output) -> Node:
        return self.graph.node(
            "HiresFixSplitTiles",
            image=image,
            tile_width=self.width,
            tile_height=self.height,
            overlap=int(self.overlap),
            numbers="A1111",
        )

    def picture(self, number: int, split: Node) -> None:
        """One repeat of the whole picture, and everything that is compared."""
        runs = self.case.runs
        first = runs[0] if runs else {}
        record = (first.get("iterations") or [{}])[0]
        seeds = [self.first_seed(first, name, 0) for name in ("seeds", "subseeds")]
        noise, stage = self.noise(seeds[0] + number, seeds[1]), f"n{number}."
        tiles = self.redrawn_tiles(record, split, noise, stage)
        self.plan.save(stage + "tiles", image=tiles)
        self.plan.save(stage + "image", image=self.combined(tiles, split))
        recorded = recorded_tiles(self.case, number)
        if recorded is not None:
            # A1111 fills tiles that are no whole cells up with black
            short = self.height - recorded.shape[1], self.width - recorded.shape[2]
            filled = np.pad(recorded, [(0, 0), (0, short[0]), (0, short[1]), (0, 0)])
            tiles = self.recorded(filled, f"tiles{number}")
            self.plan.save(stage + "rest.image", image=self.combined(tiles, split))
        upscaled = self.case.stage_picture("upscaled")
        if upscaled is not None and number == 0 and self.has_model:  # tells rounding from mistakes
            again = self.split(self.recorded(upscaled[None], "upscaled"))
            self.redrawn_tiles(record, again, noise, "rest.")

    def redrawn_tiles(self, record: dict[str, Any], split: Node, noise: Output, stage: str) -> Output:
        vae = self.loader.out("VAE")
        layout = split.out(1)
        encoded = self.graph.node(
            "HiresFixEncodeTiles", tiles=split.out(0), layout=layout, vae=vae, noise=noise, batch_size=self.batch
        )
        drawn = self.redrawn(record, encoded.out(0), encoded.out(1), stage)
        vae = self.vae_after(record, self.loader)
        return self.graph.node("HiresFixDecodeTiles", latent=drawn, layout=layout, vae=vae).out()

    def combined(self, tiles: Output, split: Node) -> Output:
        return self.graph.node("HiresFixCombineTiles", tiles=tiles, layout=split.out(1)).out()

    def recorded(self, levels: np.ndarray, key: str) -> Output:
        """Recorded 8-bit pictures `(B, H, W, 3)` as IMAGE."""
        # half a level up: whatever happens on the way, the 8 bits are those recorded
        self.plan.tensors[key] = (torch.from_numpy(levels.copy()).float() + 0.5) / 255
        return self.graph.node("ProbeImage", file=self.plan.file, key=key).out()


def runs_of_picture(case: Case, number: int) -> range:
    """The runs of one repeat of the picture."""
    each = len(case.runs) // max(1, int(case.resolved("n_iter", 1)))
    return range(number * each, (number + 1) * each)


def recorded_tiles(case: Case, number: int) -> np.ndarray | None:
    """Every tile of one repeat as it was recorded, `(count, H, W, 3)`; None where one is missing."""
    count = sum(len(row) for row in (case.data.get("grid") or {}).get("tiles", []))
    found = []
    for run in runs_of_picture(case, number):
        for item in range(len(case.runs[run]["seeds"])):
            picture = case.stage_picture(f"r{run}_image_{item}")
            if picture is not None:
                found.append(picture)
    # a last batch of one tile is drawn as often as a batch has tiles
    return np.stack(found[:count]) if 0 < count <= len(found) else None
