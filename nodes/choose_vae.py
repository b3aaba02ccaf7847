"""The checkpoint's VAE, or another."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..host.latents.vae_files import chosen_vae, vae_names
from . import inputs
from .errors import input_errors
from .registry import PackNode, node


@node(17, "the checkpoint's own VAE, or one of `models/vae`", a1111={"vae_name": "SD VAE"})
class HiresFixChooseVAE(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixChooseVAE",
            display_name="Choose VAE",
            category=inputs.CATEGORY,
            description="A1111's SD VAE: the checkpoint's own VAE, or one from a file, without a wire to change.",
            search_aliases=inputs.aliases("vae, load vae, vae loader, sd vae, select vae"),
            inputs=[
                io.Vae.Input("vae", tooltip="The checkpoint's own."),
                inputs.choice(
                    "vae_name",
                    vae_names(),
                    "Automatic: the checkpoint's own. Otherwise a file of models/vae, in its place.",
                ),
            ],
            outputs=[io.Vae.Output(display_name="vae", tooltip="For all that decodes and encodes.")],
        )

    @classmethod
    def execute(cls, vae: Any, vae_name: str) -> io.NodeOutput:
        with input_errors(cls, "vae"):
            return io.NodeOutput(chosen_vae(vae, vae_name))
