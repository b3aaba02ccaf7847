"""Inputs that several nodes have, so that a range or a tooltip exists once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from comfy_api.latest import io

from ..hires.errors import InputError
from ..hires.plan.upscale import NUMBERS, Numbers, UpscaleRequest
from ..hires.sampling.same import SAME_CFG, SAME_SAMPLER, SAME_SCHEDULER
from ..hires.sampling.steps import STEPS_RULES
from ..hires.sizes.image_sizes import MAX_SIDE
from ..hires.tiles.settings import PRECISIONS, Precision, TileSettings
from ..host.machines import crews
from ..host.plugins.door import HOOKS_TYPE
from ..host.sampling.sigmas import sampler_names, scheduler_names
from ..host.upscaling.upscalers import as_second, as_upscaler
from ..upscale_models import Upscaler

CATEGORY = "hires fix"

TargetType = io.Custom("HIRES_FIX_TARGET")
UpscalerType = io.Custom("HIRES_FIX_UPSCALER")
SettingsType = io.Custom("HIRES_FIX_SETTINGS")
RefinerType = io.Custom("HIRES_FIX_REFINER")
FileInfoType = io.Custom("HIRES_FIX_FILE_INFO")
AxesType = io.Custom("HIRES_FIX_AXES")
TileLayoutType = io.Custom("HIRES_FIX_TILE_LAYOUT")
RegionsType = io.Custom("HIRES_FIX_REGIONS")
HooksType = io.Custom(HOOKS_TYPE)
TilePlanType = io.Custom("HIRES_FIX_TILE_PLAN")

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


def aliases(names: str) -> list[str]:
    return names.split(", ")


def share(
    name: str, default: float, tooltip: str, step: float = 0.01, round: Any = 0.001, **more: Any
) -> io.Float.Input:
    """A number from 0 to 1."""
    return io.Float.Input(name, default=default, min=0.0, max=1.0, step=step, round=round, tooltip=tooltip, **more)


def choice(name: str, options: Sequence[str], tooltip: str, default: str | None = None, **more: Any) -> io.Combo.Input:
    """One of several; the default is the first."""
    return io.Combo.Input(name, options=list(options), default=default or options[0], tooltip=tooltip, **more)


def model(which: str) -> io.Model.Input:
    return io.Model.Input("model", tooltip=f"The diffusion model of the {which} pass.")


def positive() -> io.Conditioning.Input:
    return io.Conditioning.Input("positive", tooltip="The prompt: what the picture should show.")


def negative() -> io.Conditioning.Input:
    return io.Conditioning.Input("negative", tooltip="The negative prompt: what the picture should not show.")


def noise(use: str) -> io.Noise.Input:
    return io.Noise.Input("noise", tooltip=f"From Seed and Noise or any core noise node. {use}")


def cfg(same: str = "") -> io.Float.Input:
    """`same`: what -1 means, which then is the default."""
    return io.Float.Input(
        "cfg",
        default=SAME_CFG if same else 7.0,
        min=SAME_CFG if same else 0.0,
        max=100.0,
        step=0.1,
        round=0.01,
        tooltip="CFG scale: how closely to follow the prompt. 7 suits SD1 and SDXL; 1 turns the negative prompt off."
        + (f" -1: {same}" if same else ""),
    )


def steps(tooltip: str, name: str = "steps", default: int = 20, least: int = 1) -> io.Int.Input:
    return io.Int.Input(name, default=default, min=least, max=10000, tooltip=tooltip)


_NAMES = "Capitalised names are A1111's and give A1111's numbers; lower-case ones are ComfyUI's own."


def sampler_name(same: str = "") -> io.Combo.Input:
    """`same`: what "Use same sampler" means, which then leads the list and is the default."""
    tooltip = f"Sampling method. {_NAMES}"
    if same:
        return choice("sampler_name", [SAME_SAMPLER, *sampler_names()], f"{tooltip} {SAME_SAMPLER}: {same}")
    return choice("sampler_name", sampler_names(), tooltip, default="DPM++ 2M")


def scheduler(same: str = "") -> io.Combo.Input:
    """`same`: what "Use same scheduler" means, which then leads the list and is the default."""
    tooltip = f"Schedule type. Automatic is what A1111 pairs with the sampler. {_NAMES}"
    if same:
        return choice("scheduler", [SAME_SCHEDULER, *scheduler_names()], f"{tooltip} {SAME_SCHEDULER}: {same}")
    return choice("scheduler", scheduler_names(), tooltip, default="Automatic")


def steps_rule() -> io.Combo.Input:
    return choice(
        "steps_rule",
        STEPS_RULES,
        "What the strength does to the steps, as in A1111. hires fix: all steps are run, on the last part of a longer "
        "schedule. img2img: the schedule has that many steps, and the strength says how many of them are run (0.4 of "
        "20: 9).",
        optional=True,
        advanced=True,
    )


def settings(without: str = "A1111's defaults") -> io.Input:
    return SettingsType.Input(
        "settings",
        optional=True,
        tooltip=f"From A1111 Settings; for capitalised samplers and schedulers. Without it: {without}.",
    )


def refiner() -> io.Input:
    return RefinerType.Input(
        "refiner", optional=True, tooltip="From Refiner: a second model that takes over on the way in this pass."
    )


def hooks(of: str, nodes: str = "Before Second Pass and Before Every Sampling") -> io.Input:
    return HooksType.Input("hooks", optional=True, tooltip=f"From {nodes}: what is to be different in {of}.")


HOOKS_OUTPUT = (
    "For hooks of Base Sampling, Second Sampling, Multi-Stage Upscale and Tiled Redraw, or of another such node, which "
    "then comes after this one."
)


def sides() -> list[io.Input]:
    """Of which passes a hook changes anything."""
    which = "Only of passes whose picture's longer side has"
    return [
        io.Int.Input(
            "from_side", default=0, min=0, max=MAX_SIDE, tooltip=f"{which} that many pixels at least. 0: of all."
        ),
        io.Int.Input(
            "to_side", default=0, min=0, max=MAX_SIDE, tooltip=f"{which} at most that many pixels. 0: no limit."
        ),
    ]


def guider() -> io.Guider.Input:
    return io.Guider.Input(
        "guider",
        optional=True,
        tooltip="A guider of core or another pack (Perp-Neg, Dual CFG, …). It brings its own model, prompts and cfg: "
        "those of this node then are not used.",
    )


def target() -> io.Input:
    return TargetType.Input("target", tooltip="The size to reach, from Target Size.")


def upscaler() -> io.MultiType.Input:
    return io.MultiType.Input(
        "upscaler",
        types=[UpscalerType, io.UpscaleModel],
        tooltip="From Load Upscaler, or an upscale model from core's Load Upscale Model.",
    )


def tile_size() -> io.Int.Input:
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
    return choice(
        "precision",
        PRECISIONS,
        "auto: half precision where it is faster and a quick check finds the model's result the same to the "
        "eye (50 dB), else full precision with fast convolutions. float32: always full precision, as ComfyUI computes. "
        "float32 (fast convolutions): full precision with fewer multiplications where this CPU has them; differs from "
        "float32 by rounding (115 dB and more). A1111's numbers are always float32.",
        optional=True,
        advanced=True,
    )


def workers(of: str, told: str) -> io.Combo.Input:
    """`of`: what they work on. `told`: where it is said what each did."""
    return choice(
        "workers",
        crews.names(),
        f"Who works on the {of}. {crews.CARDS}: every card of this machine. Other names are processes and machines "
        f"that the owner of this one has listed in hires_fix_workers.yaml; {told} says what each did.",
        optional=True,
        advanced=True,
    )


def are_workers(name: str | None) -> bool | str:
    """For a node's `validate_inputs`, in place of the host's own check, which would only say that it is not listed."""
    try:
        crews.check(name or crews.ALONE)
    except InputError as error:
        return str(error)
    return True


def side(name: str, default: int, tooltip: str, minimum: int = 16) -> io.Int.Input:
    return io.Int.Input(name, default=default, min=minimum, max=MAX_SIDE, step=8, tooltip=tooltip)


SCALE_BY, SCALE_TO = "scale by", "scale to"


def resize(factor: float = 2.0, largest: float = 16.0, length: int = 1024, over: str = ".") -> list[io.Input]:
    """The size of a result: a factor (its default and largest value), or width and height (their default)."""
    return [
        choice("resize_mode", [SCALE_BY, SCALE_TO], "Scale by a factor (upscaling_resize), or to a width and height."),
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
    return [
        io.MultiType.Input(
            "upscaler_2",
            types=[UpscalerType, io.UpscaleModel],
            optional=True,
            tooltip="A second upscaler for the same pictures; its result is laid over the first one's.",
        ),
        share(
            "extras_upscaler_2_visibility",
            0.0,
            "How much of the second upscaler's result is seen: 0 only the first, 1 only the second.",
            step=0.05,
            optional=True,
        ),
    ]


def upscale_request(
    upscaler: Any,
    resize_mode: str,
    upscaling_resize: float,
    upscaling_resize_w: int,
    upscaling_resize_h: int,
    upscaling_crop: bool,
    tile_size: int,
    tile_overlap: int,
    upscaler_2: Any = None,
    extras_upscaler_2_visibility: float = 0.0,
    max_side: int = 0,
    numbers: Numbers = NUMBERS[0],
    precision: Precision = PRECISIONS[0],
) -> UpscaleRequest[Upscaler]:
    """The values of the inputs that Upscale Image and Upscale Folder share, as a request.

    Raises:
        InputError: an upscaler or tiles that cannot be used.
    """
    resize = upscaling_resize if resize_mode == SCALE_BY else (upscaling_resize_w, upscaling_resize_h)
    return UpscaleRequest(
        as_upscaler(upscaler),
        resize,
        upscaling_crop,
        max_side,
        TileSettings(tile_size, tile_overlap, precision),
        as_second(upscaler_2, extras_upscaler_2_visibility),
        extras_upscaler_2_visibility,
        numbers,
    )
