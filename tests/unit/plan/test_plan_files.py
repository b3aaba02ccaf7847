"""What is read from the names of tensors. The names are those of the published files."""

import pytest
from hires_pack.hires.plan.model_files import latent_cell, trained_side

KL = {"decoder.conv_in.weight": (512, 4, 3, 3), "decoder.up.3.upsample.conv.weight": (512, 512, 3, 3)}
FLUX2 = {
    "decoder.conv_in.weight": (512, 32, 3, 3),
    "decoder.up.3.upsample.conv.weight": (512, 512, 3, 3),
    "bn.running_mean": (128,),
}
DIFFUSERS = {
    "decoder.conv_in.weight": (512, 16, 3, 3),
    "decoder.up_blocks.0.resnets.0.norm1.weight": (512,),
    "decoder.up_blocks.2.upsamplers.0.conv.weight": (256, 256, 3, 3),
}
WAN = {"decoder.middle.0.residual.0.gamma": (384, 1, 1, 1)}
WAN_22 = {**WAN, "decoder.upsamples.0.upsamples.0.residual.2.weight": (1024, 1024, 3, 3, 3)}
X4_UPSCALER = {"decoder.conv_in.weight": (512, 4, 3, 3), "decoder.up.2.upsample.conv.weight": (512, 512, 3, 3)}
HUNYUAN_IMAGE = {"decoder.conv_in.weight": (1024, 64, 3, 3), "decoder.up.3.upsample.conv.weight": (1, 1, 3, 3)}
HUNYUAN_VIDEO = {"decoder.conv_in.weight": (1024, 32, 3, 3, 3), "decoder.up.3.upsample.conv.weight": (1, 1, 3, 3, 3)}


@pytest.mark.parametrize("prefix", ["", "first_stage_model.", "vae."])
@pytest.mark.parametrize(
    ("shapes", "cell"),
    [
        (KL, 8),
        (DIFFUSERS, 8),
        ({"taesd_decoder.1.weight": (64, 4, 3, 3)}, 8),
        (WAN, 8),
        (WAN_22, 16),
        (FLUX2, 16),
        (X4_UPSCALER, None),
        (HUNYUAN_IMAGE, None),
        (HUNYUAN_VIDEO, None),
        ({"something.else": (1,)}, None),
        ({}, None),
    ],
)
def test_pixels_of_a_latent_cell(prefix, shapes, cell):
    inside = {f"{prefix}{name}": shape for name, shape in shapes.items()}
    assert latent_cell({"model.diffusion_model.out.2.weight": (4, 320, 3, 3), **inside}) == cell


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("cond_stage_model.transformer.text_model.embeddings.token_embedding.weight", 512),
        ("cond_stage_model.model.token_embedding.weight", 512),
        ("conditioner.embedders.0.transformer.text_model.embeddings.token_embedding.weight", 1024),
        ("model.diffusion_model.double_blocks.0.img_attn.qkv.weight", None),
    ],
)
def test_the_size_that_a_model_was_trained_at(name, side):
    assert trained_side({name: (1,)}) == side
