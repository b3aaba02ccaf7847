"""A long way up, in stages."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..hires.plan.multi_stage import StagesRequest
from ..hires.sizes.stages import MOST_STAGES, REDRAW
from ..hires.tiles.settings import TileSettings
from ..host.plugins.hooks import hooks_state
from ..host.sampling.multi_stage import NAME, RedrawSettings, expand, plan_stages, wires_of
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(
    120,
    "large factors in stages, with an optional light redraw after each; unchanged stages come from the cache",
    a1111={
        **inputs.A1111_RESIZE,
        "upscaler": "Upscaler",
        "steps": "Sampling steps",
        "denoising_strength": "Denoising strength",
        **inputs.A1111_PASS,
        **inputs.A1111_PROMPTS,
        **inputs.A1111_TILES,
    },
)
class HiresFixMultiStageUpscale(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixMultiStageUpscale",
            display_name=NAME,
            category=inputs.CATEGORY,
            description="Upscales pictures in stages to exactly the size asked for. With a model connected, each stage "
            "is followed by a light second sampling, which keeps large factors sharp. Every stage runs as the pack's "
            "own nodes, so one that has not changed is not run again.",
            search_aliases=inputs.aliases(
                "iterative upscale, progressive upscale, upscale in steps, ultimate upscale, ultimate sd upscale, "
                "sd upscale, img2img upscale, 4x, 8x, 16x, tile, tiled upscale"
            ),
            inputs=[
                io.Image.Input("image", tooltip="The pictures to upscale; grey and transparent ones, too."),
                inputs.upscaler(),
                *inputs.resize(4.0, 64.0, 2048, ", over all stages."),
                io.Int.Input(
                    "stages",
                    default=0,
                    min=0,
                    max=MOST_STAGES,
                    tooltip="How many stages, each enlarging by the same factor. 0: as few as the upscaler needs, "
                    "each a whole run of its model (a 2x model to 8x: 3 stages).",
                ),
                inputs.steps("Sampling steps of each redraw; all of them run, whatever the strength."),
                inputs.cfg(),
                inputs.sampler_name(),
                inputs.scheduler(),
                inputs.share(
                    "denoising_strength",
                    0.3,
                    "How much the first redraw may change: 0 nothing, 1 everything. Light is 0.2 to 0.4.",
                ),
                inputs.share(
                    "strength_falloff",
                    0.8,
                    "Each later redraw has this share of the strength before: 1 keeps it, 0.5 halves it, "
                    "0 redraws after the first stage only.",
                    step=0.05,
                ),
                io.Boolean.Input(
                    "redraw_last",
                    default=True,
                    tooltip="On: also redraw at the full size. Off: only between the stages, which saves most of the "
                    "time and memory.",
                ),
                inputs.tile_size(),
                inputs.tile_overlap(),
                io.Model.Input(
                    "model",
                    optional=True,
                    tooltip="The diffusion model that redraws after each stage. Needs positive, negative, vae and "
                    "noise as well. Without all five: upscaling only.",
                ),
                io.Conditioning.Input("positive", optional=True, tooltip="The prompt of the redraw."),
                io.Conditioning.Input("negative", optional=True, tooltip="The negative prompt of the redraw."),
                io.Vae.Input("vae", optional=True, tooltip="The VAE of the model."),
                io.Noise.Input(
                    "noise",
                    optional=True,
                    tooltip="From Seed and Noise or any core noise node. Drawn afresh at the size of each stage.",
                ),
                inputs.hooks("each redraw"),
            ],
            outputs=[io.Image.Output(display_name="image", tooltip="The pictures at the size asked for.")],
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
            enable_expand=True,
        )

    @classmethod
    def fingerprint_inputs(cls, **values: Any) -> str:
        """Another one when packs have other hooks."""
        return hooks_state()

    @classmethod
    def execute(
        cls,
        image: Any,
        upscaler: Any,
        resize_mode: str,
        upscaling_resize: float,
        upscaling_resize_w: int,
        upscaling_resize_h: int,
        upscaling_crop: bool,
        stages: int,
        steps: int,
        cfg: float,
        sampler_name: str,
        scheduler: str,
        denoising_strength: float,
        strength_falloff: float,
        redraw_last: bool,
        tile_size: int,
        tile_overlap: int,
        **connected: Any,
    ) -> io.NodeOutput:
        values = {"image": image, "upscaler": upscaler, **{name: connected.get(name) for name in REDRAW}}
        resize = upscaling_resize if resize_mode == inputs.SCALE_BY else (upscaling_resize_w, upscaling_resize_h)
        given = [name for name, value in values.items() if value is not None]
        request = StagesRequest(
            resize, upscaling_crop, stages, given, denoising_strength, strength_falloff, redraw_last
        )
        redraw = RedrawSettings(steps, cfg, sampler_name, scheduler)
        wired = {**values, "hooks": connected.get("hooks")}
        wires = wires_of(cls.hidden.dynprompt, cls.hidden.unique_id, wired)
        with input_errors(cls, "image"):
            plan = plan_stages(values, request)
            link, graph = expand(plan, wires, values, redraw, TileSettings(tile_size, tile_overlap))
        return io.NodeOutput(link, expand=graph)
