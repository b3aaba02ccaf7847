"""Names of model files."""

from __future__ import annotations

import re

_SUFFIX = re.compile(r"\.(?:safetensors|sft|ckpt|pth?|bin)$", re.IGNORECASE)


def stem(file: str) -> str:
    """A model file's name without folders and suffix; a dot elsewhere, as in `model_v1.5`, stays."""
    return without_suffix(file).rpartition("/")[2]


def without_suffix(file: str) -> str:
    """A model file's name with its folders, which are parted by `/`, but without suffix."""
    return _SUFFIX.sub("", file.replace("\\", "/"))
