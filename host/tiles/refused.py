"""What a MODEL may carry that would make a wrong picture of windows without a word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from comfy.ldm.wan.model_multitalk import InfiniteTalkOuterSampleWrapper
from comfy.patcher_extension import WrappersMP, get_all_wrappers

from .errors import TiledModelError
from .patches import kind


def check(model_options: dict[str, Any]) -> None:
    """Refuse model patches that keep something of one window for the next, or that lay the whole's over each window.

    Raises:
        TiledModelError: names the node to leave out.
    """
    for refusal in _found(model_options):
        raise TiledModelError(refusal)


def _found(model_options: dict[str, Any]) -> Iterator[str]:
    options = model_options.get("transformer_options", {})
    cache = options.get("easycache")
    caches = {
        "EasyCache": getattr(cache, "name", None) == "EasyCache",
        "TeaCache": "enable_teacache" in options,
        "MagCache": "magcache_thresh" in options,
    }
    for name, is_there in caches.items():
        if is_there:
            yield (
                f"{name} goes by the call before, which is another tile. Take it out, or take LazyCache, which goes by "
                "the whole picture."
            )
    for function in model_options.get("sampler_post_cfg_function", []):
        if getattr(function, "__module__", "").endswith("nodes_sag"):
            yield (
                "Self-Attention Guidance blurs the whole picture by what the last tile has looked at. Take it out; "
                "Perturbed-Attention Guidance works."
            )
    if any(
        kind(patch) == ("nodes_flux", "KV_Attn_Input") for patch in options.get("patches", {}).get("attn1_patch", [])
    ):
        yield "Flux KV Cache keeps what the first tile has seen of the reference picture. Take it out."
    wrappers = get_all_wrappers(WrappersMP.OUTER_SAMPLE, model_options, is_model_options=True)
    if any(isinstance(wrapper, InfiniteTalkOuterSampleWrapper) for wrapper in wrappers):
        yield "InfiniteTalk puts whole frames into every call of the model. Connect the model itself."
    if any(map(_has_mask, _replacements(options))):
        yield (
            "an attention mask, such as that of an IPAdapter or PuLID node, would be laid over each tile as if it were "
            "the whole picture. Disconnect the mask, or connect the model itself."
        )


def _replacements(options: dict[str, Any]) -> Iterator[Any]:
    for layers in options.get("patches_replace", {}).values():
        yield from layers.values()


def _has_mask(replacement: Any) -> bool:
    """Whether an attention patch has a mask, in the form that IPAdapter's nodes have begun and others have taken up."""
    given = getattr(replacement, "kwargs", None)
    return isinstance(given, list) and any(isinstance(one, dict) and one.get("mask") is not None for one in given)
