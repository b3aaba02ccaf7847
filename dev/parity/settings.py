"""Which of A1111's settings a case uses, and whether all of them reached the graph.

Every setting is either taken by the code that builds the graph, or known not to matter, or it is reported.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...hires.sampling.settings import DEFAULTS
from ...sdapi.generate.requests import ExtrasSingle, Txt2Img
from ...sdapi.option_table import DEFAULTS as DEFAULT_OPTIONS
from .cases import Case

REQUEST_DEFAULTS: dict[str, Any] = Txt2Img().model_dump()
EXTRAS_DEFAULTS: dict[str, Any] = {**ExtrasSingle().model_dump(), "max_side_length": 0}
"""Fields of A1111's calls, with what leaving them out means; and the argument that only its page can give."""

OPTION_DEFAULTS: dict[str, Any] = {
    name: DEFAULT_OPTIONS[name]
    for name in (
        *(name for name in DEFAULTS if name in DEFAULT_OPTIONS),
        *("randn_source", "eta_noise_seed_delta", "CLIP_stop_at_last_layers", "emphasis", "comma_padding_backtrack"),
        *("pad_cond_uncond", "pad_cond_uncond_v0", "hires_fix_refiner_pass", "refiner_switch_by_sample_steps"),
        *("hires_fix_use_firstpass_conds", "use_old_hires_fix_width_height", "no_dpmpp_sde_batch_determinism"),
        *("use_old_scheduling", "use_old_emphasis_implementation", "token_merging_ratio", "token_merging_ratio_hr"),
        *("ESRGAN_tile", "ESRGAN_tile_overlap", "sd_model_checkpoint", "sd_vae", "sd_vae_encode_method"),
        *("sd_vae_decode_method", "tiling"),
    )
}
"""Options that change pictures, with A1111's defaults."""

IRRELEVANT: dict[str, tuple[str, ...]] = {
    "its contents are the options": ("override_settings",),
    "an old name of sampler_name; the recording says which sampler ran": ("sampler_index",),
    "about the next job": ("override_settings_restore_afterwards",),
    "a name for the progress bar": ("force_task_id",),
    "about the answer": ("send_images",),
    "about files": ("save_images", "do_not_save_samples", "do_not_save_grid", "samples_format"),
    "about the page": ("show_extras_results",),
    "no extra networks are recorded; a prompt that names one is reported": ("disable_extra_networks",),
    "only stored": ("comments",),
    "of a file": ("name",),
    "A1111 takes it and never looks at it": ("upscale_first",),
    "only with codeformer_visibility, which is reported": ("codeformer_weight",),
    "runs both prompts at once or one after the other; the same numbers": ("batch_cond_uncond",),
    "for inpainting models only": ("inpainting_mask_weight",),
    "for img2img only": ("img2img_color_correction", "img2img_background_color", "upscaler_for_img2img"),
    "everything recorded is float32 already": ("upcast_attn",),
    "about the generation text": ("add_model_hash_to_info", "add_model_name_to_info", "add_version_to_infotext"),
    "about memory": ("upscaling_max_images_in_cache",),
    "for SwinIR files, none recorded": ("SWIN_tile", "SWIN_tile_overlap"),
    "for DAT files, none recorded": ("DAT_tile", "DAT_tile_overlap"),
}
"""Settings that cannot change what is compared, by the reason."""

_HIRES_ONLY = (
    *(name for name in REQUEST_DEFAULTS if name.startswith("hr_")),
    "denoising_strength",
    "img2img_extra_noise",
    "hires_fix_refiner_pass",
    "hires_fix_use_firstpass_conds",
    "use_old_hires_fix_width_height",
    "ESRGAN_tile",
    "ESRGAN_tile_overlap",
)


class NotMappedError(Exception):
    """A setting that the pack's nodes have no counterpart for. `settings` holds "name=value" strings."""

    def __init__(self, *settings: str) -> None:
        super().__init__(f"not mapped: {', '.join(settings)}")
        self.settings = settings


class Settings:
    """Hands settings out, and remembers which were never asked for."""

    def __init__(self, case: Case) -> None:
        fields = EXTRAS_DEFAULTS if case.kind == "extras" else REQUEST_DEFAULTS
        given = {**case.request, **case.data.get("direct_arguments", {})}
        options = {**case.data.get("options", {}), **(case.request.get("override_settings") or {})}
        self._given = {**OPTION_DEFAULTS, **options}, {**fields, **given}
        self._defaults = OPTION_DEFAULTS, fields
        self._handled: set[str] = set().union(*IRRELEVANT.values())

    def option(self, name: str) -> Any:
        """An entry of A1111's settings pages."""
        self._handled.add(name)
        return self._given[0][name]

    def field(self, name: str) -> Any:
        """A field of the request."""
        self._handled.add(name)
        return self._given[1][name]

    def without_hires(self) -> None:
        """Hires fix is off: what only it looks at does not matter."""
        self._handled.update(_HIRES_ONLY)

    def handled(self, names: Iterable[str]) -> None:
        """These were looked at in their resolved form."""
        self._handled.update(names)

    def left_over(self) -> list[str]:
        """`name=value` of everything that is not at its default and that nobody asked for."""
        found = {}
        for given, defaults in zip(self._given, self._defaults, strict=True):
            for name, value in given.items():
                if name not in self._handled and not (name in defaults and same(value, defaults[name])):
                    found[f"{name}={value}"] = None
        return list(found)


def same(value: Any, default: Any) -> bool:
    """Whether a value says the same as a default: nothing at all and the empty values of its kind do, too."""
    if value == default:
        return True
    return default in (None, False, "", -1) and value in (None, False, "", "None", [], {})


def node_settings(case: Case, settings: Settings) -> dict[str, Any]:
    """All values for the node A1111 Settings; empty when all are at their defaults."""
    values = {name: settings.option(name) for name in DEFAULTS}
    for name in ("s_churn", "s_tmin", "s_tmax", "s_noise", "s_min_uncond"):
        settings.field(name)
        own = case.resolved(name)  # the request's own field; the program has merged both there
        if own is not None:
            values[name] = 0.0 if own in ("inf", float("inf")) else own
    settings.field("eta")
    eta = case.resolved("eta")
    if eta is not None:
        values["eta_ancestral"] = values["eta_ddim"] = eta
    return values if any(not same(value, DEFAULTS[name]) for name, value in values.items()) else {}
