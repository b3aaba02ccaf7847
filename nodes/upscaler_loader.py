"""One list of everything that enlarges pictures."""

from __future__ import annotations

from comfy_api.latest import io

from ..host.upscaling.upscalers import load_upscaler, upscaler_names, upscaler_state
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(
    60,
    "one list: None, Lanczos, Nearest, every model in `models/upscale_models`, LDSR",
    a1111={"upscaler_name": "Upscaler"},
)
class HiresFixUpscalerLoader(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixUpscalerLoader",
            display_name="Load Upscaler",
            category=inputs.CATEGORY,
            description="An upscaler by name: a plain filter, or a model file from ComfyUI's upscale_models folder "
            "(ESRGAN, Real-ESRGAN, SwinIR, DAT, HAT and everything else that spandrel knows), or LDSR.",
            search_aliases=inputs.aliases(
                "upscale model, esrgan, lanczos, r-esrgan, upscaler, super resolution, realesrgan, swinir, "
                "4x-ultrasharp, hires upscaler"
            ),
            inputs=[
                inputs.choice(
                    "upscaler_name",
                    upscaler_names(),
                    "None and Lanczos resize with the Lanczos filter, Nearest repeats pixels. "
                    "hires-fix-… come with the pack, LDSR/… are in models/LDSR, all others in models/upscale_models or "
                    "from other packs.",
                    default="Lanczos",
                )
            ],
            outputs=[
                inputs.UpscalerType.Output(
                    display_name="upscaler", tooltip="For Pixel Upscale or Upscale Image (Extras)."
                )
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, upscaler_name: str | None) -> int:
        """Another one when a pack has registered it anew; the name may not be known yet."""
        return upscaler_state(upscaler_name or "")

    @classmethod
    def execute(cls, upscaler_name: str) -> io.NodeOutput:
        with input_errors(cls, "upscaler_name"):
            return io.NodeOutput(load_upscaler(upscaler_name))
