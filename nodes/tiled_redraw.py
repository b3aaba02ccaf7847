"""The second pass of picture files of any size."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..hires.sampling.same import second_pass_values
from ..hires.sampling.settings import A1111Settings
from ..hires.sampling.steps import STEPS_RULES, StepsRule
from ..hires.tile_plan.plan import TilePlan
from ..hires.tiles.windows import Blending
from ..host.folders.job import work_on_folder
from ..host.folders.shown import shown
from ..host.machines import crews
from ..host.redraw.elsewhere import crew_for
from ..host.redraw.file_work import Redrawing
from ..host.redraw.identity import origin
from ..host.redraw.request import RedrawRequest
from ..host.redraw.served import is_left
from ..host.tiles.canvas import TileRequest
from ..upscale_models import CLASSICAL
from . import folder_inputs, inputs, window_inputs
from .errors import input_errors
from .registry import PackNode, node


@node(
    115,
    "picture files of any size redrawn in windows; goes on after a stop or crash, window by window",
    a1111={
        **folder_inputs.A1111_FOLDERS,
        **inputs.A1111_RESIZE,
        **inputs.A1111_PASS,
        **inputs.A1111_PROMPTS,
        "upscaler": "SD upscale: Upscaler",
        "max_side": "Max side length",
        "steps": "Sampling steps",
        "denoising_strength": "Denoising strength",
        "overlap": "SD upscale: Tile overlap",
        "steps_rule": "tabs txt2img, img2img",
    },
)
class HiresFixTiledRedraw(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixTiledRedraw",
            display_name="Tiled Redraw",
            category=inputs.CATEGORY,
            description="Redraws every picture of a folder, however large, in windows that fade into each other: "
            "enlarged first, if asked, then encoded, noised, sampled and decoded window by window, from file to file. "
            "Memory does not grow with the picture. The noise belongs to the place, so no window depends on another. "
            "Queued again after a stop or a crash, it goes on where it was.",
            search_aliases=inputs.aliases(
                "ultimate sd upscale, tiled img2img, tile by tile, redraw folder, batch img2img, "
                "large picture, 8k, 16k, gigapixel, bigtiff, tiled upscale"
            ),
            inputs=[
                inputs.model("second"),
                inputs.positive(),
                inputs.negative(),
                io.Vae.Input("vae", tooltip="The VAE of the model."),
                inputs.noise("Its seed is used: every place of a picture has noise of its own."),
                *folder_inputs.files("redrawn", "{name}_x{scale}"),
                *inputs.resize(),
                inputs.max_side(),
                inputs.steps("Sampling steps of each window; all of them run, whatever the strength."),
                inputs.cfg(),
                inputs.sampler_name(),
                inputs.scheduler(),
                inputs.share(
                    "denoising_strength",
                    0.3,
                    "How much may change: 0 nothing, 1 everything. 0.2 to 0.35 keeps the picture; above, every window "
                    "may draw the prompt's subject, unless a ControlNet holds it.",
                ),
                *window_inputs.windows(),
                *folder_inputs.results("With overwrite, a finished one is made anew; what was stopped goes on."),
                io.MultiType.Input(
                    "upscaler",
                    types=[inputs.UpscalerType, io.UpscaleModel],
                    optional=True,
                    tooltip="Enlarges the picture before it is redrawn. Without it: Lanczos.",
                ),
                *window_inputs.held(),
                inputs.settings(),
                inputs.steps_rule(),
                inputs.TilePlanType.Input(
                    "plan",
                    optional=True,
                    tooltip="From Tile Plan: what each part is asked for, laid over the whole of every picture. "
                    "Windows in which nothing is drawn cost nothing.",
                ),
                io.Clip.Input("clip", optional=True, tooltip="The text encoder, for the plan's words."),
                inputs.hooks("each window"),
                inputs.workers("windows of pictures", "the report"),
            ],
            outputs=[folder_inputs.report()],
            is_output_node=True,
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
        )

    @classmethod
    def fingerprint_inputs(cls, **values: Any) -> float:
        """Never the same: what is in the folders may have changed."""
        return float("nan")

    @classmethod
    def validate_inputs(cls, workers: str | None = None) -> bool | str:
        """See `are_workers`."""
        return inputs.are_workers(workers)

    @classmethod
    def execute(
        cls,
        model: Any,
        positive: Any,
        negative: Any,
        vae: Any,
        noise: Any,
        max_side: int,
        steps: int,
        cfg: float,
        sampler_name: str,
        scheduler: str,
        denoising_strength: float,
        tile_size: int,
        overlap: int,
        blending: Blending,
        upscaler: Any = None,
        control_net: Any = None,
        control_strength: float = 0.6,
        settings: A1111Settings | None = None,
        steps_rule: StepsRule = STEPS_RULES[0],
        plan: TilePlan | None = None,
        clip: Any = None,
        hooks: Any = None,
        workers: str = crews.ALONE,
        **asked: Any,
    ) -> io.NodeOutput:
        folder, files = folder_inputs.settings(**folder_inputs.taken(asked))
        with input_errors(cls, "overlap"):
            tiles = TileRequest(tile_size, overlap, blending, at_once=1)
        with input_errors(cls, "model"):
            values = second_pass_values(None, steps, 0, sampler_name, scheduler, settings, steps_rule)
            request = RedrawRequest(
                model, vae, positive, negative, noise, values, denoising_strength, cfg, tiles, control_net,
                control_strength, hooks, plan, clip,
            )  # fmt: skip
            request.check()
            if is_left(request):
                return io.NodeOutput("")
            enlarging = inputs.upscale_request(
                CLASSICAL["Lanczos"] if upscaler is None else upscaler,
                **asked,
                max_side=max_side,
                tile_size=0,
                tile_overlap=-1,
            )
        with input_errors(cls, "input_folder"):
            words = origin(cls.hidden.dynprompt, cls.hidden.unique_id, (positive, negative, plan))
            work = Redrawing(request, enlarging, words)
            crew = crew_for(workers, work, cls.hidden.dynprompt, cls.hidden.unique_id)
            report = work_on_folder(folder, work, files, crew)
            return io.NodeOutput(report.text(), ui=shown(report))
