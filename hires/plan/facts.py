"""What is known, before a run, of the values that will travel between nodes, and what is asked of the host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from ..prompts.lora_files import PromptLoras
from ..prompts.styles import Style
from ..sampling.ldsr import LdsrSettings
from ..sizes.diffusion import DiffusionWindows
from ..sizes.image_sizes import Size
from ..sizes.runs import MOST_RUNS
from ..tiles.settings import TileSettings


class PlannedUpscaler(Protocol):
    """As much of an upscaler as a plan needs: the run has the real one, a badge an `UpscalerFile`."""

    @property
    def name(self) -> str: ...

    @property
    def scale(self) -> int | None:
        """Factor of one run, 1 for filters; None where it is not known."""
        ...

    @property
    def most_runs(self) -> int:
        """How often it runs at most on the way to a size."""
        ...


U = TypeVar("U", bound=PlannedUpscaler, covariant=True)


@dataclass(frozen=True)
class Pictures:
    """An IMAGE."""

    size: Size

    count: int = 1
    """Pictures in the batch; 1 where it is not known."""


@dataclass(frozen=True)
class Latents:
    """A LATENT; its count as in `Pictures`."""

    size: Size
    """Of the decoded pictures: whole latent cells."""

    count: int = 1
    is_blurry: bool = False
    """Enlarged as a latent, and not sampled since."""


@dataclass(frozen=True)
class ModelFile:
    """Where a MODEL or a VAE comes from."""

    folder: str
    """The host's name of the kind, such as "checkpoints"."""

    name: str


@dataclass(frozen=True)
class TiledModel:
    """A MODEL that sees pictures in tiles, so that their size costs it no more than their area."""

    model: ModelFile | None

    side: int = 0
    """Longest side of a tile in pixels; 0 where it is not known."""

    overlap: int = 0
    """Pixels that tiles share at the least."""

    is_sure: bool = False
    """Whether these were asked for; else memory may lead to smaller tiles."""


@dataclass(frozen=True)
class DiffusionRun:
    """How a diffusion model is run as an upscaler."""

    windows: DiffusionWindows

    calls: int
    """Of the network, for every tile of a window."""

    steps: int
    work: float | None
    """See `Facts.work`."""

    is_sure: bool = True
    """Whether the windows were asked for; else memory may lead to smaller ones."""


@dataclass(frozen=True)
class UpscalerFile:
    """An upscaler by its name in Load Upscaler: a filter, a file, or a diffusion model behind a node of its own."""

    name: str

    scale: int | None = None
    """Factor of one run, 1 for filters; None where the file has not been looked at or does not tell."""

    most_runs: int = MOST_RUNS

    ldsr: LdsrSettings | None = None
    """Of LDSR; None of others, and where the file has not been looked at."""

    diffusion: DiffusionRun | None = None
    """Of a diffusion model; None of others."""


@dataclass(frozen=True)
class UpscalerJob(Generic[U]):
    """What one upscaler does with pictures of one size."""

    upscaler: U
    source: Size

    target: Size
    tiles: TileSettings

    factor: float | None = None
    """With A1111's numbers: how much larger; None for exact numbers."""


@dataclass(frozen=True)
class FolderSearch:
    """Which pictures of a folder Upscale Folder takes."""

    input_folder: str
    output_folder: str
    """Names as on the node: inside ComfyUI's input or output folder, or whole paths that its owner has allowed."""

    include: str
    """Name patterns, separated by commas."""

    recursive: bool
    """Folders inside the input folder, too; the same folders are made in the output folder."""


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

    def upscaler_scale(self, name: str) -> int | None:
        """Factor of one run of an upscaler; 1 for filters."""
        ...

    def is_ldsr(self, name: str) -> bool:
        """Whether an upscaler is one of LDSR, as far as its file tells."""
        ...

    def tiles(self, job: UpscalerJob[Any]) -> int | None:
        """How many tiles one picture is cut into for a model; 0 if no model runs or nothing is known of it.

        Of LDSR and diffusion models, how many windows each step has.

        None where the free memory decides and cannot be foreseen.
        """
        ...

    def is_sd_x4(self, model: ModelFile) -> bool:
        """Whether a model is the SD x4 upscaler, as far as its file tells."""
        ...

    def work(self, model: ModelFile) -> float | None:
        """Operations, in 10^12, that a diffusion model takes about for a megapixel of picture, once."""
        ...

    def free_memory(self) -> int | None:
        """Bytes of main memory that are free."""
        ...

    def prompt_loras(self, text: str, lora_name: str, lora_strength: float) -> PromptLoras | None:
        """What LoRAs in Prompt loads. Raises InputError where the node will."""
        ...

    def styles(self) -> Mapping[str, Style] | None:
        """The installed styles by their names."""
        ...
