"""What a model file may cost: about its size, whatever the names and shapes in it say."""

from __future__ import annotations

import mmap
import os
import zipfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map_only

from .live_bytes import LiveBytes

MOST_TENSORS = 20_000
"""The largest published upscale models have some three thousand."""

GAPS = 4
"""Numbered parts of a network that may lie between two that have weights, on average: activations, shuffles, …"""

FIRST_NUMBER = 64
"""Where such numbers may begin: files of parts of a network keep theirs."""

GROWTH = 4
"""Bytes of a network in float32 per byte of a file in the smallest format that is in use."""

SPARE = 512 * 2**20
"""Bytes that a file may cost beyond that when it is run: what networks compute while they are built, such as which
pixels of a window see each other, and tensors that repeat a value."""

LITTLE = SPARE // 4
"""The same where it is only named."""

CALLS = 5_000, 200
"""Operations on tensors that a network may take to be built, at most: in all, and for each of its own tensors."""


class CostError(Exception):
    """A file that would cost far more than it holds: why, as the end of a sentence about it."""


def check_container(path: str) -> None:
    """Look at a file before torch unpickles it.

    Raises:
        CostError: a part of it would be larger in memory than in the file.
        OSError: it cannot be read.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        start = file.read(8)
        if path.lower().endswith((".safetensors", ".sft")):
            header = int.from_bytes(start, "little")
            if header + 8 > size:
                raise CostError(f"its header claims {header} bytes, the file has {size}")
            return
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                parts = archive.infolist()
            if any(part.compress_type != zipfile.ZIP_STORED for part in parts):
                raise CostError("its parts are compressed, which those of torch's own files are not")
            claimed = sum(part.file_size for part in parts)
            if claimed > size:
                raise CostError(f"its parts claim {claimed} bytes, the file has {size}")
        if size:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                # the one thing that torch's safe unpickler makes in any size that it is told
                if content.find(b"bytearray") >= 0:
                    raise CostError("it asks for memory that it does not fill, which no file of weights needs")


def check_held(weights: Mapping[Any, Any], file_size: int | None = None) -> int:
    """Count the bytes that tensors, also in mappings inside, hold, before anything is done with them.

    Each piece of memory counts once. `file_size`: bytes of the file that they were read from.

    Raises:
        CostError: tensors claim far more values than they hold, or hold more bytes than the file.
    """
    held: dict[int, int] = {}
    repeated = 0
    for name, value in _tensors(weights):
        if value.layout != torch.strided or value.is_meta or value.is_quantized:
            raise CostError(f"'{str(name)[:80]}' is no plain tensor of numbers")
        storage = value.untyped_storage()
        repeated += max(0, value.numel() * value.element_size() - storage.nbytes())
        if repeated > SPARE:
            count = storage.nbytes() // value.element_size()
            raise CostError(f"'{str(name)[:80]}' claims {value.numel()} values and holds {count}")
        held[storage._cdata] = storage.nbytes()
    total = sum(held.values())
    if file_size is not None and total > file_size:
        raise CostError(f"its tensors claim {total} bytes, the file has {file_size}")
    return total


def _tensors(weights: Mapping[Any, Any]) -> Iterator[tuple[Any, torch.Tensor]]:
    """Every tensor in a mapping and those inside it, which may also hold one another."""
    seen, ahead = set(), [weights]
    while ahead:
        inside = ahead.pop()
        if id(inside) not in seen:
            seen.add(id(inside))
            ahead += [value for value in inside.values() if isinstance(value, Mapping)]
            yield from ((name, value) for name, value in inside.items() if isinstance(value, torch.Tensor))


def check_numbers(names: Collection[Any]) -> None:
    """Look at the names in a file before a network is built of them.

    Raises:
        CostError: there are too many, or they number a network's parts far beyond those that are there.
    """
    if len(names) > MOST_TENSORS:
        raise CostError(f"it has {len(names)} tensors; up to {MOST_TENSORS} are read")
    numbers: dict[str, set[int]] = {}
    for name in names:
        parts = str(name).split(".")
        for place, part in enumerate(parts):
            if part.isdecimal():
                if len(part) > 9:
                    raise CostError(f"'{str(name)[:80]}' numbers a part of a network {part[:12]}…")
                numbers.setdefault(".".join(parts[:place]), set()).add(int(part))
    for prefix, found in numbers.items():
        if max(found) > GAPS * len(found) + FIRST_NUMBER:
            where = f"below '{prefix}'" if prefix else "of it"
            raise CostError(f"{len(found)} numbered parts {where} have weights, yet one has the number {max(found)}")


@contextmanager
def within_its_size(weights: Mapping[Any, Any], spare: int = SPARE) -> Iterator[None]:
    """Bound what is built inside, with real or with empty tensors, by what the weights hold and some bytes to spare.

    Raises:
        CostError: see `check_held` and `check_numbers`; also what is built takes far more memory or operations.
    """
    check_numbers(weights)
    held = check_held(weights)
    calls = CALLS[0] + CALLS[1] * len(weights)
    with _Bounded(GROWTH * held + spare, calls):
        yield


class _Bounded(LiveBytes):
    """Stops before a tensor is made that goes beyond the bound."""

    def __init__(self, most: int, calls: int) -> None:
        super().__init__()
        self._bound, self._calls = most, calls

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        self._calls -= 1
        if self._calls < 0:
            raise CostError("the network that its names describe has far more parts than it has tensors")
        if not func._schema.is_mutable and not func.is_view:
            needed = self.now + _foreseen(func, args, kwargs)
            if needed > self._bound:
                raise CostError(
                    f"the network that its names and shapes describe takes more than {needed / 1e9:.1f} GB, far more "
                    "than it holds"
                )
        return super().__torch_dispatch__(func, types, args, kwargs)


def _foreseen(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    """Bytes of what an operation returns, found without its numbers; 0 where these decide."""
    args, kwargs = tree_map_only(torch.Tensor, _empty_like, (args, kwargs))
    if "device" in kwargs:
        kwargs["device"] = torch.device("meta")
    elif not any(isinstance(leaf, torch.Tensor) for leaf in tree_leaves((args, kwargs))):
        return 0
    try:
        result = func(*args, **kwargs)
    except Exception:  # whatever needs numbers to tell the shape
        return 0
    return result.numel() * result.element_size() if isinstance(result, torch.Tensor) else 0


def _empty_like(tensor: torch.Tensor) -> torch.Tensor:
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")
