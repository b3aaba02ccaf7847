"""The model files of this server."""

from __future__ import annotations

from pathlib import Path

import folder_paths

from ...hires.infotext.to_graph.loaders import ModelFiles
from ..infotext.model_hashes import HashSearch
from ..prompts.loras import alias_of
from ..upscaling.upscalers import listed_upscalers


def model_files(search: HashSearch) -> ModelFiles:
    """As the loaders list them; `search` finds them by their hash."""
    listed = folder_paths.get_filename_list

    def by_hash(folder: str, digits: str) -> str | None:
        names = {Path(path): name for name in listed(folder) if (path := folder_paths.get_full_path(folder, name))}
        found = search.find(names, digits, of_lora=folder == "loras")
        return found and names[found]

    return ModelFiles(
        checkpoints=listed("checkpoints"),
        loras=listed("loras"),
        vaes=listed("vae"),
        upscalers=listed_upscalers(),
        diffusion_models=listed("diffusion_models"),
        text_encoders=listed("text_encoders"),
        embeddings=listed("embeddings"),
        lora_alias=alias_of,
        by_hash=by_hash,
    )
