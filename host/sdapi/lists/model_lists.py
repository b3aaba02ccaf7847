"""The model files of this host as A1111 names them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import folder_paths

from ....hires.model_names import stem, without_suffix
from ...infotext.model_hashes import file_hash, known_hash, short_hash
from ...model_headers import read_header, remarks
from ...upscaling.upscalers import listed_upscalers, upscaler_path

log = logging.getLogger("hires-fix")

CHECKPOINTS, VAES, LORAS = "checkpoints", "vae", "loras"

_DIGITS = 10
"""Of a hash, in the titles of models."""

_PATIENCE = 8.0
"""Seconds that a listing waits for the hash of the model in use. It is in the next one, then."""

_hashing: dict[Path, asyncio.Task[None]] = {}


def files(kind: str) -> dict[str, str]:
    """Files as the host lists them -> where they are."""
    listed = {name: folder_paths.get_full_path(kind, name) for name in folder_paths.get_filename_list(kind)}
    return {name: path for name, path in listed.items() if path is not None}


def upscalers() -> dict[str, str | None]:
    """Upscalers as the host lists them -> where their files are; None for those of other packs."""
    return {name: upscaler_path(name) for name in listed_upscalers()}


def checkpoints() -> list[dict[str, Any]]:
    """All checkpoints, as `/sdapi/v1/sd-models` tells them."""
    return [_checkpoint(name, path) for name, path in files(CHECKPOINTS).items()]


def _checkpoint(name: str, path: str) -> dict[str, Any]:
    sha256 = known_hash(Path(path))
    return {
        "title": _title(name, sha256),
        "model_name": _model_name(name),
        "hash": sha256 and sha256[:_DIGITS],
        "sha256": sha256,
        "filename": path,
        "config": None,
    }


def _title(name: str, sha256: str | None) -> str:
    return f"{name} [{sha256[:_DIGITS]}]" if sha256 else name


def _model_name(name: str) -> str:
    return without_suffix(name).replace("/", "_")


def first_checkpoint() -> str | None:
    """What is drawn with while nobody has chosen."""
    return next(iter(files(CHECKPOINTS)), None)


def checkpoint_title(name: str | None) -> str | None:
    """Title of a checkpoint, the same as in `checkpoints`; its name, if it is not there any more."""
    path = name and folder_paths.get_full_path(CHECKPOINTS, name)
    return _title(name, known_hash(Path(path))) if name and path else name


def checkpoint_hash(name: str | None) -> str:
    """SHA-256 of a checkpoint; empty if it is not known yet."""
    path = name and folder_paths.get_full_path(CHECKPOINTS, name)
    return (known_hash(Path(path)) if path else None) or ""


async def hash_soon(name: str | None) -> None:
    """Work out the hash of the checkpoint in use, which is part of its title: wait a moment, then go on without."""
    path = name and folder_paths.get_full_path(CHECKPOINTS, name)
    if not path or known_hash(Path(path)):
        return
    file = Path(path)
    if file not in _hashing:
        _hashing[file] = asyncio.create_task(_hash(file))
        _hashing[file].add_done_callback(lambda _: _hashing.pop(file, None))
    await asyncio.wait([_hashing[file]], timeout=_PATIENCE)


async def _hash(file: Path) -> None:
    try:
        await asyncio.to_thread(file_hash, file, show_progress=False)
    except OSError as error:
        log.info("The checkpoint '%s' cannot be hashed: %s", file, error)


def vaes() -> list[dict[str, Any]]:
    return [{"model_name": Path(name).name, "filename": path} for name, path in files(VAES).items()]


def modules() -> list[dict[str, Any]]:
    """Forge's: VAEs and text encoders."""
    both = (*files(VAES).items(), *files("text_encoders").items())
    return [{"model_name": Path(name).name, "filename": path} for name, path in both]


def loras() -> list[dict[str, Any]]:
    return [_lora(name, path) for name, path in files(LORAS).items()]


def _lora(name: str, path: str) -> dict[str, Any]:
    try:
        metadata = remarks(read_header(path))
    except (OSError, ValueError) as error:
        log.debug("The LoRA '%s' has no readable header: %s", name, error)
        metadata = {}
    alias = metadata.get("ss_output_name") or stem(name)
    return {"name": stem(name), "alias": alias, "path": path, "metadata": metadata}


def controlnets() -> list[str]:
    """ControlNets by the titles that A1111's extension gives them."""
    return [f"{stem(name)} [{_short(path)}]" for name, path in files("controlnet").items()]


def controlnet_hash(name: str) -> str:
    """The digits that A1111's extension tells a ControlNet by."""
    path = folder_paths.get_full_path("controlnet", name)
    return _short(path) if path else ""


def _short(path: str) -> str:
    try:
        return short_hash(Path(path))
    except OSError:
        return "0" * 8


def names(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """The titles of listed models."""
    return [entry["title"] for entry in entries]
