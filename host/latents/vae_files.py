"""VAEs by the names of their files."""

from __future__ import annotations

from typing import Any

from ...hires.errors import InputError
from ...hires.graph.passthrough import AUTOMATIC_VAE
from ..node_classes import node_class

_LOADER = "VAELoader"


def vae_names() -> list[str]:
    """What core's Load VAE lists, behind what stands for the checkpoint's own."""
    loader = node_class(_LOADER)
    return [AUTOMATIC_VAE, *loader.vae_list(loader)]


def chosen_vae(vae: Any, vae_name: str) -> Any:
    """The VAE of that name, or the one that came in. Raises InputError: neither is there."""
    if vae_name != AUTOMATIC_VAE:
        (loaded,) = node_class(_LOADER)().load_vae(vae_name)
        return loaded
    if vae is None:
        raise InputError("the checkpoint has no VAE of its own. Choose a file.", "vae_name")
    return vae
