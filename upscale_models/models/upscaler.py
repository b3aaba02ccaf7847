"""What every upscaler is."""

from __future__ import annotations

from typing import Protocol


class Upscaler(Protocol):
    """Something that enlarges pictures: a `ClassicalUpscaler`, `ModelUpscaler` or `PlacedUpscaler`. Immutable."""

    @property
    def name(self) -> str:
        """The name people choose it by."""
        ...

    @property
    def scale(self) -> int:
        """Factor by which one run enlarges both sides; 1 for classical upscalers, which land on any size."""
        ...

    @property
    def most_runs(self) -> int:
        """How often it runs at most on the way to a size."""
        ...
