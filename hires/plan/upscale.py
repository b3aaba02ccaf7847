"""Enlarging pictures without a diffusion model: Upscale Image, and Upscale Folder, which does the same to files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, Literal

from .. import memory
from ..graph.reader import Node
from ..sampling.ldsr import SCALE as LDSR_SCALE
from ..sampling.ldsr import LdsrSettings, timesteps
from ..sampling.menus import NONE, second_is_seen
from ..sizes.extras import ExtrasSize, enlarged_size, extras_size
from ..sizes.image_sizes import MAX_PICTURE_SIDE, Size, image_size
from ..sizes.runs import a1111_runs
from ..tiles.boxes import Box
from ..tiles.settings import PRECISIONS, Precision, TileSettings
from .badge import Badge, badge
from .facts import DiffusionRun, Facts, FolderSearch, Pictures, U, UpscalerFile, UpscalerJob
from .warnings import ARROW, counted, no_pictures, size_text, too_large_for_memory, way_text

Numbers = Literal["exact", "A1111"]

NUMBERS: tuple[Numbers, ...] = ("exact", "A1111")
""""exact": float precision and the size asked for. "A1111": its 8 bits, its sizes, its tiles and its random draw."""


@dataclass(frozen=True)
class UpscalePlan(Generic[U]):
    """What becomes of pictures of one size: enlarged to `up`, cropped to `size`."""

    source: Size

    up: Size
    size: Size
    jobs: tuple[UpscalerJob[U], ...]
    """What each upscaler does: one, or two whose results are laid over each other; none if nothing is to be done."""

    needed: int
    """Bytes of main memory without which it stops."""

    extras: ExtrasSize | None = None
    """With A1111's numbers: its size rule, which this follows."""

    @property
    def window(self) -> Box:
        """The result's place in what the upscalers make: around the centre."""
        x, y = (self.up[0] - self.size[0]) // 2, (self.up[1] - self.size[1]) // 2
        return Box(x, y, x + self.size[0], y + self.size[1])

    @property
    def text(self) -> str:
        return way_text(self.source, self.size)


@dataclass(frozen=True)
class UpscaleRequest(Generic[U]):
    """What is asked of Upscale Image and Upscale Folder."""

    upscaler: U

    resize: float | Size
    """A factor for both sides, or the width and height to reach."""

    crop: bool
    """With a width and height: cut off what is too much around the centre. Without it the whole picture is kept, and
    one side can come out larger than asked."""

    max_side: int = 0
    """With a factor: longest side of the result in pixels; 0 for no limit."""

    tiles: TileSettings = field(default_factory=TileSettings)

    second: U | None = None
    """Another upscaler for the same pictures."""

    visibility: float = 0.0
    """0 to 1: how much of the second's result is laid over the first's."""

    numbers: Numbers = "exact"
    """See `NUMBERS`. With A1111's, sizes are whole 8 pixels, see `extras_size`."""

    @property
    def seen_second(self) -> U | None:
        """The second upscaler if anything is seen of it; "None" is none."""
        return self.second if self.second and second_is_seen(self.second.name, self.visibility) else None

    @property
    def share(self) -> float:
        return min(self.visibility, 1.0)

    @property
    def upscalers(self) -> list[U]:
        return [self.upscaler] if self.seen_second is None else [self.upscaler, self.seen_second]

    @property
    def size_input(self) -> str:
        """Name of the input that decides about the size."""
        return "upscaling_resize_w" if isinstance(self.resize, tuple) else "upscaling_resize"

    def plan(self, source: Size, count: int = 1, channels: int = 3) -> UpscalePlan[U]:
        """Plan what becomes of a batch of pictures of 1 to 4 channels; SizeError for a size that cannot be made."""
        if self.numbers == "A1111":
            return self._plan_as_a1111(source, count)
        resize = self.resize
        if self.max_side and not isinstance(resize, tuple):
            resize = min(resize, self.max_side / max(source))
        sizes = image_size(*source, resize, self.crop)
        up, size = (sizes.up_width, sizes.up_height), (sizes.width, sizes.height)
        jobs = tuple(UpscalerJob(upscaler, source, up, self.tiles) for upscaler in self.upscalers)
        return UpscalePlan(source, up, size, jobs, memory.enlarged(size, count, channels, len(jobs)))

    def _plan_as_a1111(self, source: Size, count: int) -> UpscalePlan[U]:
        extras = extras_size(source, self.resize, self.crop, self.max_side)
        if self.upscaler.name == NONE:
            return UpscalePlan(source, source, source, (), 0, extras)
        up = enlarged_size(source, extras)
        size = extras.canvas or up
        jobs = tuple(UpscalerJob(upscaler, source, up, self.tiles, extras.factor) for upscaler in self.upscalers)
        needed = memory.enlarged_as_a1111(up, size, count, [run for job in jobs for run in runs_of(job)])
        return UpscalePlan(source, up, size, jobs, needed, extras)


def runs_of(job: UpscalerJob[U]) -> list[Size]:
    """Sizes of what a model makes in each of its runs with A1111's numbers, as far as its factor is known."""
    scale, factor = job.upscaler.scale, job.factor
    if scale is None or factor is None:
        return []
    runs = a1111_runs(scale, job.source, factor, MAX_PICTURE_SIDE, job.upscaler.most_runs)
    return [(width * scale, height * scale) for width, height in runs]


def upscaler_before(node: Node, facts: Facts, name: str = "upscaler") -> UpscalerFile | None:
    """The upscaler that comes in by an input, with its factor as far as its file tells."""
    file = node.incoming(name, UpscalerFile)
    if file is not None and file.diffusion:
        return file
    if file is None or not facts.is_ldsr(file.name):
        return UpscalerFile(file.name, facts.upscaler_scale(file.name)) if file else None
    return UpscalerFile(file.name, LDSR_SCALE, 1, file.ldsr or LdsrSettings())


def resize_of(node: Node) -> float | Size | None:
    """The resize fields of a node as `UpscaleRequest` has them."""
    mode = node.text("resize_mode")
    if mode == "scale by":
        return node.number("upscaling_resize")
    width, height = node.whole("upscaling_resize_w"), node.whole("upscaling_resize_h")
    return (width, height) if mode == "scale to" and width is not None and height is not None else None


def numbers_of(node: Node) -> Numbers | None:
    """Whose numbers a node takes, see `NUMBERS`; None where that is not known."""
    numbers = node.text("numbers", "exact")
    return None if numbers is None else "A1111" if numbers == "A1111" else "exact"


def tiles_of(node: Node) -> TileSettings | None:
    """The tile fields of a node; None where one is not known. Raises InputError where the node will."""
    size, overlap, precision = node.whole("tile_size"), node.whole("tile_overlap"), node.text("precision", "auto")
    if size is None or overlap is None or precision is None:
        return None
    known: dict[str, Precision] = {one: one for one in PRECISIONS}
    return TileSettings(size, overlap, known.get(precision, PRECISIONS[0]))


def tiles_text(plan: UpscalePlan[UpscalerFile], facts: Facts) -> str:
    """The end of the line: how many tiles a picture is cut into, where a model runs."""
    words = [_tile_words(job, facts.tiles(job)) for job in plan.jobs]
    return ", " + " + ".join(dict.fromkeys(filter(None, words))) if any(words) else ""


def _tile_words(job: UpscalerJob[UpscalerFile], count: int | None) -> str:
    settings, run = job.upscaler.ldsr, job.upscaler.diffusion
    if count and settings:
        steps = len(timesteps(settings.steps))
        return f"{counted(steps, 'step')} × {counted(count, 'window')}{_time_words(steps * count * LDSR_RUN)}"
    if count and run:
        seconds = None if run.work is None else run.calls * count * _megapixels(job, run) * run.work / _SPEED
        about = "about " if count > 1 and not run.is_sure else ""
        return f"{counted(run.steps, 'step')} × {about}{counted(count, 'window')}{_time_words(seconds)}"
    if run:
        return f"{counted(run.steps, 'step')} a window" if count is None else ""
    if count is None:
        return "tiles by free memory"
    about = "about " if count > 1 and not job.tiles.size and job.factor is None else ""
    return f"{about}{counted(count, 'tile')}" if count else ""


_SPEED = 10
"""10^12 operations a second: what a graphics card does of them."""

LDSR_RUN = 0.32 / _SPEED
"""Seconds that the published model's network takes for a window."""


def _megapixels(job: UpscalerJob[UpscalerFile], run: DiffusionRun) -> float:
    """Of what the network draws at once."""
    windows = run.windows
    size = windows.input_size(job.source, job.target)
    in_one_piece = max(size) if job.factor is not None else job.tiles.size or windows.tile
    longest = windows.inside[0] or in_one_piece
    return min(size[0], longest) * min(size[1], longest) * windows.scale**2 / 1e6


def _time_words(seconds: float | None) -> str:
    """How long it takes about, for one picture; nothing where that is not known."""
    if seconds is None:
        return ""
    classes = (("seconds", 60), ("minutes", 3600), ("hours", 86400))
    return f": {next((name for name, most in classes if seconds < most), 'days')} on a graphics card"


@badge("HiresFixUpscaleImage")
def _upscale_image(node: Node, facts: Facts) -> Badge:
    pictures, resize = node.incoming("image", Pictures), resize_of(node)
    crop, limit = node.flag("upscaling_crop"), node.whole("max_side", 0)
    visibility = node.number("extras_upscaler_2_visibility", 0.0)
    numbers = numbers_of(node)
    if pictures is None or resize is None or crop is None or limit is None or visibility is None or numbers is None:
        return Badge()
    first, tiles, by = upscaler_before(node, facts), tiles_of(node), by_workers(node)
    second = upscaler_before(node, facts, "upscaler_2") if visibility > 0 else None
    is_known = first is not None and (second is not None or visibility <= 0 or not node.has("upscaler_2"))
    if first is None and numbers == "A1111":
        return Badge()
    request = UpscaleRequest(
        first or UpscalerFile(""), resize, crop, limit, tiles or TileSettings(), second, visibility, numbers
    )
    plan = request.plan(pictures.size, pictures.count)
    text = plan.text + (tiles_text(plan, facts) if is_known and tiles else "") + by
    warning = too_large_for_memory(plan.size, pictures.count, facts.free_memory(), plan.needed)
    return Badge((Pictures(plan.size, pictures.count),), text, warning)


THIS_DEVICE = "this device"
"""The choice of workers without any."""


def by_workers(node: Node) -> str:
    """The end of a line: who else works on it."""
    workers = node.text("workers", THIS_DEVICE)
    return f", by {workers}" if workers and workers != THIS_DEVICE else ""


@badge("HiresFixUpscaleFolder")
def _upscale_folder(node: Node, facts: Facts) -> Badge:
    folder = folder_of(node, facts)
    return Badge() if folder is None else Badge(text=folder.text + by_workers(node), warning=folder.warning)


@dataclass(frozen=True)
class FolderPlan:
    """What a node will do to the pictures of a folder."""

    search: FolderSearch
    count: int
    resize: float | Size

    @property
    def text(self) -> str:
        size = size_text(self.resize) if isinstance(self.resize, tuple) else f"{self.resize:g}\u00d7"
        return f"{counted(self.count, 'picture')}{ARROW}{size}"

    @property
    def warning(self) -> str | None:
        return None if self.count else no_pictures(self.search.include)


def folder_of(node: Node, facts: Facts) -> FolderPlan | None:
    """The plan of a node with the inputs of a folder; None where one is not known. Raises InputError as the node."""
    source, target, include = node.text("input_folder"), node.text("output_folder"), node.text("include")
    recursive, resize = node.flag("recursive"), resize_of(node)
    if source is None or target is None or include is None or recursive is None or resize is None:
        return None
    search = FolderSearch(source, target, include, recursive)
    count = facts.pictures_in(search)
    return None if count is None else FolderPlan(search, count, resize)
