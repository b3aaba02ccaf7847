"""What A1111 and the pack call the same thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

from ...hires.sampling.menus import FILTERS
from .settings import NotMappedError


@dataclass(frozen=True)
class ModelNames:
    """A1111's name of a file (without suffix) -> the name that the server lists."""

    checkpoints: Mapping[str, str]
    upscalers: Mapping[str, str]
    loras: Mapping[str, str] = field(default_factory=dict)

    def checkpoint(self, name: str) -> str:
        """The file of a checkpoint, which A1111 also names with its suffix or its hash."""
        stem = name.split(" [")[0]
        found = self.checkpoints.get(stem) or self.checkpoints.get(PurePath(stem).stem)
        if not found:
            raise NotMappedError(f"checkpoint={name}")
        return found

    def upscaler(self, name: str) -> str:
        """What Load Upscaler calls it."""
        if name not in FILTERS and name not in self.upscalers:
            raise NotMappedError(f"upscaler={name}")
        return self.upscalers.get(name, name)
