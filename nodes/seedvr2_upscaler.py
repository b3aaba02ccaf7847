"""SeedVR2 as an upscaler among the others."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..host.diffusion.seedvr2 import COLOUR_FIXES, ColourFix, SeedVR2Upscaler
from ..host.plugins.hooks import hooks_state
from ..host.redraw.identity import origin
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(67, "SeedVR2 as an upscaler among the others, on ComfyUI's own nodes: stills one by one, in windows, exact sizes")
class HiresFixSeedVR2Upscaler(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixSeedVR2Upscaler",
            display_name="SeedVR2 Upscaler",
            category=inputs.CATEGORY,
            description="Makes an upscaler of SeedVR2, which restores pictures in one step and needs no prompt. "
            "Pictures are resized first, then restored window by window with ComfyUI's own SeedVR2 nodes: a batch is "
            "never taken for a clip, sizes are exact, transparency is kept.",
            search_aliases=inputs.aliases("seedvr2, seedvr, restoration, one step upscaler, video upscaler for stills"),
            inputs=[
                io.Model.Input("model", tooltip="SeedVR2, 3B or 7B, from Load Diffusion Model."),
                io.Vae.Input("vae", tooltip="SeedVR2's own VAE, from Load VAE."),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="Seed of the noise, the same for every picture of a batch. A picture in one window has "
                    "KSampler's, windows have that of their place.",
                ),
                inputs.choice(
                    "colour_fix",
                    COLOUR_FIXES,
                    "What keeps the colours of the picture. lab: all of them, detail stays new. wavelet: those of "
                    "large areas. adain: only the tint of the whole. none: the model's own.",
                ),
                inputs.share(
                    "strength",
                    1.0,
                    "How much of the restored picture is seen: 1 all of it, 0 the picture as it was resized. Less "
                    "where it looks overdone.",
                ),
                io.Int.Input(
                    "tile_size",
                    default=0,
                    min=0,
                    max=16384,
                    step=16,
                    tooltip="Longest side of what the model sees at once, in pixels of the resized picture. 0: 1024.",
                ),
                io.Int.Input(
                    "overlap",
                    default=-1,
                    min=-1,
                    max=8192,
                    step=16,
                    tooltip="Pixels that neighbouring windows share. -1: 128.",
                ),
            ],
            outputs=[inputs.UpscalerType.Output(display_name="upscaler", tooltip="For any input of an upscaler.")],
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
        )

    @classmethod
    def fingerprint_inputs(cls, **values: Any) -> str:
        """Another one when another pack's hooks are others."""
        return hooks_state()

    @classmethod
    def execute(
        cls,
        model: Any,
        vae: Any,
        seed: int,
        colour_fix: ColourFix,
        strength: float,
        tile_size: int,
        overlap: int,
    ) -> io.NodeOutput:
        with input_errors(cls, "model"):
            words = origin(cls.hidden.dynprompt, cls.hidden.unique_id, ())
            return io.NodeOutput(SeedVR2Upscaler.of(model, vae, seed, colour_fix, strength, tile_size, overlap, words))
