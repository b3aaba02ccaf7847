"""Nodes that a picture may come through, or take numbers from, and show the same after."""

from __future__ import annotations

DECODERS = ("VAEDecode", "VAEDecodeTiled")
ENCODERS = ("VAEEncode", "VAEEncodeTiled")
ENCODE_ANY_SIZE, DECODE_TO_SIZE = "HiresFixEncodeAnySize", "HiresFixDecodeToSize"
IMAGE_SIZE = "GetImageSize"
CHOOSE_VAE, AUTOMATIC_VAE = "HiresFixChooseVAE", "Automatic"
"""A node that hands on the VAE it gets, unless its widget names a file."""

LDSR_SETTINGS = "HiresFixLdsrSettings"
"""Hands on the upscaler it gets, with settings of its own."""

DIFFUSION_UPSCALER, SEEDVR2 = "Diffusion Upscaler", "SeedVR2"
MADE_UPSCALERS = {"HiresFixDiffusionUpscaler": DIFFUSION_UPSCALER, "HiresFixSeedVR2Upscaler": SEEDVR2}
"""Nodes that make an upscaler of a diffusion model, and its name: A1111's texts have no words for more of it."""

SWITCH = "ComfySwitchNode"
"""Hands on one of two inputs, and asks for that one only."""

PRIMITIVES = ("PrimitiveInt", "PrimitiveFloat", "PrimitiveBoolean", "PrimitiveString")
"""Those that hold one value under that name."""

_PASSTHROUGH = frozenset(
    (
        *("HiresFixRenoise", "HiresFixTargetSize", ENCODE_ANY_SIZE, DECODE_TO_SIZE),
        *(*DECODERS, *ENCODERS, IMAGE_SIZE, "PreviewImage", "Reroute", SWITCH),
    )
)


def changes_nothing(kind: str) -> bool:
    """Whether nodes of this class leave what a picture shows as it is."""
    return kind in _PASSTHROUGH or kind.startswith("Primitive")
