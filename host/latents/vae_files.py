"""VAEs by the names of their files."""

from __future__ import annotations

from typing import Any

import nodes

from ...hires.errors import InputError

AUTOMATIC = "Automatic"


def vae_names() -> list[str]:
    """What core's Load VAE lists, behind what stands for the checkpoint's own."""
    return [AUTOMATIC, *nodes.VAELoader.vae_list(nodes.VAELoader)]


def chosen_vae(vae: Any, vae_name: str) -> Any:
    """The VAE of that name, or the one that came in. Raises InputError: neither is there."""
    if vae_name != AUTOMATIC:
        (loaded,) = nodes.VAELoader().load_vae(vae_name)
        return loaded
    if vae is None:
        raise InputError("the checkpoint has no VAE of its own. Choose a file.", "vae_name")
    return vae
