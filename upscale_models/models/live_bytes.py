"""Counting the memory of tensors as they come and go."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of the tensors that are made inside and not yet gone."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 0
        self.now = 0
        self._total = self._squares = 0
        self._seen: set[weakref.ref[torch.UntypedStorage]] = set()

    @property
    def block(self) -> float:
        """Bytes of the tensor that a byte is part of, on average: of the usual ones among many small and few large."""
        return self._squares / max(1, self._total)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        before = {
            leaf.untyped_storage()._cdata for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)
        }
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor) and leaf.untyped_storage()._cdata not in before:
                self._count(leaf.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        size = storage.nbytes()

        def gone(reference: weakref.ref[torch.UntypedStorage]) -> None:
            self._seen.discard(reference)
            self.now -= size

        reference = weakref.ref(storage, gone)
        self._seen.add(reference)
        self.now += size
        self._total += size
        self._squares += size * size
        self.most = max(self.most, self.now)
