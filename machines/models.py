"""Models of a worker: found by their SHA-256 in its folders."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from ..upscale_models import ModelUpscaler, UpscalerError, from_state_dict
from ..upscale_models.models.cost import CostError, check_container, check_held
from ..upscale_models.shipped import WEIGHTS
from .jobs import ModelFile

SUFFIXES = (".safetensors", ".sft", ".pth", ".pt", ".ckpt", ".bin")

AT_ONCE = 2
"""Models that are kept loaded."""

MOST_BYTES = 4 * 2**30
"""Of a model that is sent."""

CHUNK = 2**24

_ONE_AT_A_TIME = threading.Lock()
"""torch's dispatch modes, under which networks are built, are not made for several threads."""


class MissingModelError(UpscalerError):
    """A model that is not here."""


class ModelStore:
    """Model files of some folders, and the pack's own."""

    def __init__(self, folders: Sequence[str | Path], takes: Path | None = None) -> None:
        """`takes`: the folder that models which are sent go to; None refuses them."""
        self._folders = [*map(Path, folders), *([takes] if takes else []), WEIGHTS]
        self._takes = takes
        self._known: dict[tuple[str, int, int], str] = {}
        self._loaded: OrderedDict[str, ModelUpscaler] = OrderedDict()

    @property
    def takes_models(self) -> bool:
        return self._takes is not None

    def path(self, file: ModelFile) -> Path | None:
        """Where a file of that content is, whatever it is called; None if there is none."""
        paths = sorted(self._paths(file.size), key=lambda path: path.name != Path(file.name).name)
        return next((path for path in paths if self._hash(path) == file.sha256), None)

    def load(self, file: ModelFile) -> ModelUpscaler:
        """Load a model, or return it as it was loaded before.

        Raises:
            MissingModelError: it is not here.
            UpscalerError: it cannot be used.
        """
        if file.sha256 in self._loaded:
            self._loaded.move_to_end(file.sha256)
            return self._loaded[file.sha256]
        path = self.path(file)
        if path is None:
            raise MissingModelError(f"the model '{file.name}' (SHA-256 {file.sha256}) is not here.", "upscaler")
        with _ONE_AT_A_TIME:
            upscaler = from_state_dict(file.name, _weights(path))
        self._loaded[file.sha256] = upscaler
        while len(self._loaded) > AT_ONCE:
            self._loaded.popitem(last=False)
        return upscaler

    def take(self, file: ModelFile, data: bytes) -> None:
        """Keep a model that was sent.

        Raises:
            UpscalerError: models are not taken here, or it is another one than was announced.
        """
        name = Path(file.name.replace("\\", "/")).name
        if self._takes is None:
            raise UpscalerError("this worker takes no models that are sent; start it with --fetch.", "upscaler")
        if len(data) > MOST_BYTES or hashlib.sha256(data).hexdigest() != file.sha256 or not name.endswith(SUFFIXES):
            raise UpscalerError(f"'{file.name}' came with other bytes than its SHA-256 says.", "upscaler")
        self._takes.mkdir(parents=True, exist_ok=True)
        unfinished = self._takes / f".{file.sha256}.{os.getpid()}"
        unfinished.write_bytes(data)
        os.replace(unfinished, self._takes / f"{file.sha256[:16]}-{name}")

    def _paths(self, size: int) -> Iterator[Path]:
        for folder in self._folders:
            for path in folder.rglob("*"):
                if path.suffix.lower() in SUFFIXES and path.is_file() and path.stat().st_size == size:
                    yield path

    def _hash(self, path: Path) -> str:
        state = path.stat()
        key = str(path), state.st_mtime_ns, state.st_size
        if key not in self._known:
            self._known[key] = sha256_of(path)
        return self._known[key]


def sha256_of(path: Path) -> str:
    """Of a file, in hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _weights(path: Path) -> Mapping[str, Any]:
    """Read a file without running code of it, as the host's safe loader does.

    Raises:
        UpscalerError: it cannot be read so.
    """
    try:
        check_container(str(path))
        if path.suffix.lower() in (".safetensors", ".sft"):
            weights: Any = safetensors.torch.load_file(path)
        else:
            weights = torch.load(path, map_location="cpu", weights_only=True)
            weights = weights.get("state_dict", weights)
            only = next(iter(weights.values())) if len(weights) == 1 else None
            weights = only if isinstance(only, Mapping) else weights
        check_held(weights, path.stat().st_size)
    except CostError as error:
        raise UpscalerError(f"'{path.name}' would cost far more than its size: {error}.", "upscaler") from error
    except Exception as error:  # every container has its own complaints about a damaged file
        raise UpscalerError(f"'{path.name}' cannot be read ({type(error).__name__}).", "upscaler") from error
    return weights
