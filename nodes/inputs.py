"""Inputs that several nodes have, so that a range or a tooltip exists once."""

from __future__ import annotations

from comfy_api.latest import io

from ..hires.sizes.image_sizes import MAX_SIDE
from ..hires.tiles.settings import PRECISIONS
from ..host.sampling.sigmas import sampler_names, scheduler_names

CATEGORY = "hires fix"

TargetType = io.Custom("HIRES_FIX_TARGET")
UpscalerType = io.Custom("HIRES_FIX_UPSCALER")
SettingsType = io.Custom("HIRES_FIX_SETTINGS")
RefinerType = io.Custom("HIRES_FIX_REFINER")
FileInfoType = io.Custom("HIRES_FIX_FILE_INFO")

A1111_PROMPTS = {"positive": "Prompt", "negative": "Negative prompt"}
A1111_PASS = {"sampler_name": "Sampling method", "scheduler": "Schedule type", "cfg": "CFG Scale"}
A1111_SECOND_PASS = {"sampler_name": "Hires sampling method", "scheduler": "Hires schedule type"}
A1111_TILES = {"tile_size": "Tile size for ESRGAN upscalers", "tile_overlap": "Tile overlap for ESRGAN upscalers"}
A1111_RESIZE = {
    "resize_mode": "Scale by, Scale to",
    "upscaling_resize": "Resize",
    "upscaling_resize_w": "Width",
    "upscaling_resize_h": "Height",
    "upscaling_crop": "Crop to fit",
}
A1111_EXTRAS = {
    **A1111_RESIZE,
    "upscaler": "Upscaler 1",
    "max_side": "Max side length",
    "upscaler_2": "Upscaler 2",
    "extras_upscaler_2_visibility": "Upscaler 2 visibility",
}
"""What A1111 calls inputs that several nodes have; see `registry.node`."""


def model(which: str) -> io.Model.Input:
    """A MODEL; `which` says for what."""
    return io.Model.Input("model", tooltip=f"The diffusion model of the {which} pass.")


def positive() -> io.Conditioning.Input:
    """The prompt."""
    return io.Conditioning.Input("positive", tooltip="The prompt: what the picture should show.")


def negative() -> io.Conditioning.Input:
    """The negative prompt."""
    return io.Conditioning.Input("negative", tooltip="The negative prompt: what the picture should not show.")


def noise(use: str) -> io.Noise.Input:
    """A NOISE object; `use` says what for."""
    return io.Noise.Input("noise", tooltip=f"From Hires Fix Noise or any core noise node. {use}")


def cfg() -> io.Float.Input:
    """Classifier-free guidance."""
    return io.Float.Input(
        "cfg",
        default=7.0,
        min=0.0,
        max=100.0,
        step=0.1,
        round=0.01,
        tooltip="CFG scale: how closely to follow the prompt. 7 suits SD1 and SDXL; 1 turns the negative prompt off.",
    )


def steps(tooltip: str) -> io.Int.Input:
    """Sampling steps."""
    return io.Int.Input("steps", default=20, min=1, max=10000, tooltip=tooltip)


_NAMES = "Capitalised names are A1111's and give A1111's numbers; lower-case ones are ComfyUI's own."


def sampler_name(extra: str = "") -> io.Combo.Input:
    """A sampler under A1111's or the host's name."""
    return io.Combo.Input(
        "sampler_name", options=sampler_names(), default="DPM++ 2M", tooltip=f"Sampling method. {_NAMES}{extra}"
    )


def scheduler() -> io.Combo.Input:
    """A schedule under A1111's label or the host's name."""
    return io.Combo.Input(
        "scheduler",
        options=scheduler_names(),
        default="Automatic",
        tooltip=f"Schedule type. Automatic is what A1111 pairs with the sampler. {_NAMES}",
    )


def settings() -> io.Input:
    """A1111's settings, optional."""
    return SettingsType.Input(
        "settings",
        optional=True,
        tooltip="From A1111 Settings; for capitalised samplers and schedulers. Without it: A1111's defaults.",
    )


def refiner() -> io.Input:
    """A refiner, optional."""
    return RefinerType.Input(
        "refiner", optional=True, tooltip="From Refiner: a second model that takes over on the way in this pass."
    )


def guider() -> io.Guider.Input:
    """A guider, optional."""
    return io.Guider.Input(
        "guider",
        optional=True,
        tooltip="A guider of core or another pack (Perp-Neg, Dual CFG, …). It brings its own model, prompts and cfg: "
        "those of this node then are not used.",
    )


def target() -> io.Input:
    """What Target Size worked out."""
    return TargetType.Input("target", tooltip="The size to reach, from Target Size.")


def upscaler() -> io.MultiType.Input:
    """One of ours, or core's UPSCALE_MODEL."""
    return io.MultiType.Input(
        "upscaler",
        types=[UpscalerType, io.UpscaleModel],
        tooltip="From Load Upscaler, or an upscale model from core's Load Upscale Model.",
    )


def tile_size() -> io.Int.Input:
    """Tile side of an upscale model."""
    return io.Int.Input(
        "tile_size",
        default=0,
        min=0,
        max=4096,
        step=32,
        advanced=True,
        tooltip="Side of the tiles that the upscale model works on, in pixels of its input. 0: chosen by free memory "
        "and speed; with A1111's numbers its 192. With A1111's numbers 4096 means no tiles, as 0 does there.",
    )


def tile_overlap() -> io.Int.Input:
    """Overlap of an upscale model's tiles."""
    return io.Int.Input(
        "tile_overlap",
        default=-1,
        min=-1,
        max=512,
        step=1,
        advanced=True,
        tooltip="Pixels that a tile sees beyond its own part on every side. -1: what the model's architecture needs "
        "for the same result as in one piece, or to hide the seams; with A1111's numbers its 8. "
        "Tiles are at least three times as large.",
    )


def precision() -> io.Combo.Input:
    """Number format of an upscale model, optional."""
    return io.Combo.Input(
        "precision",
        options=list(PRECISIONS),
        default=PRECISIONS[0],
        optional=True,
        advanced=True,
        tooltip="auto: half precision where it is faster and a quick check finds the model's result the same to the "
        "eye (50 dB). float32: always full precision. A1111's numbers are always float32.",
    )


def side(name: str, default: int, tooltip: str, minimum: int = 16) -> io.Int.Input:
    """A side of a picture in pixels."""
    return io.Int.Input(name, default=default, min=minimum, max=MAX_SIDE, step=8, tooltip=tooltip)


SCALE_BY, SCALE_TO = "scale by", "scale to"


def resize(factor: float = 2.0, largest: float = 16.0, length: int = 1024, over: str = ".") -> list[io.Input]:
    """Size of a result: by a factor (default and largest), or to a width and height (default)."""
    return [
        io.Combo.Input(
            "resize_mode",
            options=[SCALE_BY, SCALE_TO],
            default=SCALE_BY,
            tooltip="Scale by a factor (upscaling_resize), or to a width and height.",
        ),
        io.Float.Input(
            "upscaling_resize",
            default=factor,
            min=0.05,
            max=largest,
            step=0.05,
            round=0.001,
            tooltip=f"Factor for both sides{over} Used by 'scale by'.",
        ),
        side("upscaling_resize_w", length, "Width to reach. Used by 'scale to'.", minimum=1),
        side("upscaling_resize_h", length, "Height to reach. Used by 'scale to'.", minimum=1),
        io.Boolean.Input(
            "upscaling_crop",
            default=True,
            tooltip="Used by 'scale to'. On: exactly that size, what is too much is cut off around the centre. "
            "Off: the whole picture, just large enough to cover that size.",
        ),
    ]


def max_side(optional: bool = False) -> io.Int.Input:
    """Longest side of a result."""
    return io.Int.Input(
        "max_side",
        default=0,
        min=0,
        max=MAX_SIDE,
        step=8,
        optional=optional,
        tooltip="Longest side of the result in pixels; a larger factor is lowered. 0: no limit. Used by 'scale by'.",
    )


def second_upscaler() -> list[io.Input]:
    """A1111's second upscaler and how much of it is seen, optional."""
    return [
        io.MultiType.Input(
            "upscaler_2",
            types=[UpscalerType, io.UpscaleModel],
            optional=True,
            tooltip="A second upscaler for the same pictures; its result is laid over the first one's.",
        ),
        io.Float.Input(
            "extras_upscaler_2_visibility",
            default=0.0,
            min=0.0,
            max=1.0,
            step=0.05,
            round=0.001,
            optional=True,
            tooltip="How much of the second upscaler's result is seen: 0 only the first, 1 only the second.",
        ),
    ]
