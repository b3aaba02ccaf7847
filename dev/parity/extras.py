"""The nodes for a recorded job of A1111's Extras tab, or of one of its upscalers alone."""

from __future__ import annotations

from PIL import Image

from ...hires.graph.builder import Output
from ...hires.graph.stages import load_upscaler
from ...sdapi.generate.extras import upscale_inputs
from ...sdapi.generate.requests import ExtrasSingle
from ..fixtures import ldsr
from .cases import Case, CaseError
from .graph import Plan
from .names import ModelNames
from .settings import NotMappedError, Settings

LDSR = f"LDSR/{ldsr.FILE}"
"""What Load Upscaler calls the recorded checkpoint of LDSR."""


def build(case: Case, names: ModelNames) -> Plan:
    """Return the job as one graph: every picture on its own, since their sizes differ.

    Raises NotMappedError for a setting that is not at A1111's default and that no node has, CaseError if an input
    picture is missing.
    """
    plan, settings = Plan(), Settings(case)
    settings.handled(["image", "imageList"])  # the pictures themselves
    sizes = ("resize_mode", "upscaling_resize", "upscaling_resize_w", "upscaling_resize_h", "upscaling_crop")
    request = ExtrasSingle(**{name: settings.field(name) for name in sizes})
    options = {name: settings.option(name) for name in ("ESRGAN_tile", "ESRGAN_tile_overlap")}
    given = {**upscale_inputs(request, options), "max_side": int(settings.field("max_side_length"))}
    first, second = settings.field("upscaler_1"), settings.field("upscaler_2")
    visibility = float(settings.field("extras_upscaler_2_visibility"))
    if second not in ("None", None) and visibility:
        given |= {"upscaler_2": _upscaler(plan, names, second), "extras_upscaler_2_visibility": visibility}
    left_over = settings.left_over()
    if left_over:
        raise NotMappedError(*left_over)
    for index, name in enumerate(case.data["images"]):
        path = case.input_image(name)
        image = plan.picture(path)
        with Image.open(path) as opened:
            if "A" in opened.getbands():
                image = plan.graph.node("JoinImageWithAlpha", image=image, alpha=image.node.out(1)).out()
        upscaler = _upscaler(plan, names, first or "None")
        large = plan.graph.node("HiresFixUpscaleImage", image=image, upscaler=upscaler, **given).out()
        plan.save(f"image{index}", image=large)
    return plan


def build_ldsr(case: Case) -> Plan:
    """Return a run of LDSR as a graph that ends before A1111's last resize, which was not recorded.

    Raises CaseError if the input picture is missing.
    """
    plan, path = Plan(), case.folder / "input.png"
    if not path.is_file():
        raise CaseError(f"{case.id} has no input.png in {case.folder}.")
    settings = {"steps": int(case.data["steps"]), "seed": int(case.data["seed"]), "eta": 1.0, "downsample": "A1111"}
    upscaler = load_upscaler(plan.graph, LDSR)
    upscaler = plan.graph.node("HiresFixLdsrSettings", upscaler=upscaler, **settings).out()
    picture, factor = plan.picture(path), float(case.data["scale"])
    plan.save("image", image=plan.graph.node("ProbeEnlarge", upscaler=upscaler, image=picture, factor=factor).out())
    return plan


def _upscaler(plan: Plan, names: ModelNames, name: str) -> Output:
    return load_upscaler(plan.graph, names.upscaler(name))
