"""What is known, before a run, of the values that will travel between nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True)
class Pictures:
    """An IMAGE."""

    size: Size

    count: int = 1
    """Pictures in the batch; 1 where it is not known."""


@dataclass(frozen=True)
class Latents:
    """A LATENT."""

    size: Size
    """Of the decoded pictures: whole latent cells."""

    count: int = 1
    """See `Pictures`."""

    is_blurry: bool = False
    """Enlarged as a latent, and not sampled since."""


@dataclass(frozen=True)
class Target:
    """What Target Size gives."""

    source: Size
    """Of the first pass."""

    up: Size
    """Before the crop."""

    size: Size
    """Of the finished picture."""


@dataclass(frozen=True)
class Steps:
    """The second pass's part of a schedule."""

    run: int
    """Steps that are run: the last ones."""

    schedule: int
    """Steps of the whole schedule."""


@dataclass(frozen=True)
class ModelFile:
    """Where a MODEL or a VAE comes from."""

    folder: str
    """The host's name of the kind, such as "checkpoints"."""

    name: str


@dataclass(frozen=True)
class UpscalerFile:
    """An upscaler by its name in Load Upscaler: a filter or a file."""

    name: str


@dataclass(frozen=True)
class UpscaleJob:
    """Pictures of one size on their way through an upscaler."""

    upscaler: UpscalerFile
    source: Size

    target: Size
    """Before a crop."""

    tile_size: int
    tile_overlap: int
    """As on the nodes: 0 and -1 are automatic."""

    factor: float | None = None
    """With A1111's numbers: how much larger; None for exact numbers."""


@dataclass(frozen=True)
class FolderSearch:
    """Which pictures of a folder Upscale Folder takes, as on the node."""

    input_folder: str
    output_folder: str
    include: str
    recursive: bool


class Facts(Protocol):
    """What the graph itself does not say. None always means: not known."""

    def picture_size(self, name: str) -> Size | None:
        """Size of a picture in the input folder, upright."""
        ...

    def pictures_in(self, search: FolderSearch) -> int | None:
        """How many pictures a folder has. Raises InputError where the node will."""
        ...

    def latent_cell(self, vae: ModelFile) -> int | None:
        """Pixels a side of one latent cell of a VAE."""
        ...

    def trained_side(self, model: ModelFile) -> int | None:
        """Side of the square pictures that a diffusion model was trained on."""
        ...

    def upscaler_scale(self, upscaler: UpscalerFile) -> int | None:
        """Factor of one run; 1 for filters."""
        ...

    def tiles(self, job: UpscaleJob) -> str | None:
        """How a picture is cut for an upscale model, in words; None also if no model runs."""
        ...

    def extras_size(self, size: Size, resize: float | Size, crop: bool, max_side: int) -> tuple[float, Size, Size]:
        """Factor, and the sizes before and after the crop, of A1111's Extras tab. Raises SizeError."""
        ...

    def free_memory(self) -> int | None:
        """Bytes of main memory that are free."""
        ...
