"""What Tiled Redraw is asked for, checked before the first picture is opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import torch

from ...hires.errors import InputError
from ...hires.sampling.same import SecondPassValues
from ...hires.sizes.image_sizes import Size
from ...hires.sizes.regions import Cond
from ...hires.tile_plan.plan import NO_ENCODER, TilePlan
from ...hires.tiles.bands import Bands
from ...hires.tiles.boxes import Box
from ..latents.codec import cell_of
from ..plugins.changes import GraphHook
from ..plugins.hooks import hooks_of, registered_hooks
from ..sampling.noise import PlacedNoise
from ..sampling.passes import OF_A_PICTURE
from ..sampling.sigmas import PassSigmas, Scheduling
from ..tiles.canvas import TileRequest, windows_of
from ..tiles.conds import is_told_sizes, sizes_in_prompt
from ..tiles.controls import is_known
from ..tiles.patches import holds_picture
from ..tiles.plan_prompts import planned_prompt
from ..tiles.planned import has_plan, why_not
from ..tiles.region_conds import Chains, prompt_of_part

PLACED = {"area", "mask", "gligen", "control"}
"""What entries of a prompt may hold that is cut to a window."""

LAID_OVER = {
    **{key: words for key, words in OF_A_PICTURE.items() if key not in PLACED},
    "concat_image": "a picture to enlarge",
    "reference_latents": "a reference picture",
}
"""What entries of a prompt may hold that belongs to one picture, not to a window of any; and others of many axes."""

_PICTURE_AXES, _TEXTS = 4, "conditioning_"
"""Of tensors that are pictures or clips; and how the names of others begin, which are texts in layers."""

_WIDE = 2**16
"""Pixels a side of a picture that no window covers."""


class Part(NamedTuple):
    """A window of a picture, on whole latent cells: up to a cell larger than what the picture has of it."""

    window: Box
    """In pixels of the picture."""

    whole: Size
    """Width and height of the picture, in whole cells, too."""

    cells: Box
    """The same window in latent cells."""

    @property
    def size(self) -> Size:
        """Width and height that it is drawn at: its own."""
        return self.window.width, self.window.height

    @property
    def size_in_cells(self) -> Size:
        """Width and height."""
        return self.cells.width, self.cells.height


@dataclass(frozen=True)
class RedrawRequest:
    """How windows are drawn: as the second pass draws pictures."""

    model: Any
    vae: Any
    positive: Cond
    negative: Cond
    noise: Any
    """A NOISE object with a seed."""

    values: SecondPassValues
    strength: float
    """Denoising strength, 0 to 1."""

    cfg: float
    tiles: TileRequest
    control_net: Any = None
    """Sees each window, as a tile ControlNet does; None for none."""

    control_strength: float = 1.0
    hooks: Any = None
    """Of the graph, see `hooks_of`."""

    plan: TilePlan | None = None
    """Laid over the whole of every picture."""

    clip: Any = None
    """The text encoder for the plan's words."""

    _encoded: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """The plan's words."""

    def check(self) -> None:
        """Refuse what cannot be drawn, and what would be drawn wrongly.

        Raises:
            InputError: names what is in the way and what to do.
        """
        self._check_prompts()
        self._check_plan()
        _check_patches(self.model)
        for hook in hooks_of(self.hooks):
            if isinstance(hook.function, GraphHook):
                self._check_hook(hook.function)
        space, cell = self.model.get_model_object("latent_format"), cell_of(self.vae)
        ratio, channels = space.spacial_downscale_ratio, space.latent_channels
        if ratio != cell or channels != self.vae.latent_channels:
            raise InputError(
                f"the VAE has cells of {cell} pixels and {self.vae.latent_channels} channels, the model takes {ratio} "
                f"and {channels}. Connect the VAE of the model.",
                "vae",
            )
        if getattr(self.control_net, "concat_mask", False):
            raise InputError(
                "this ControlNet is made for inpainting and wants a mask. Connect one that sees the picture itself, "
                "such as a tile ControlNet.",
                "control_net",
            )
        PlacedNoise.of(self.noise, Box(0, 0, 1, 1))
        self.bands((_WIDE, cell))
        assert self.steps >= 0  # the schedule can be made

    @cached_property
    def sigmas(self) -> PassSigmas:
        """Those of every window. Raises InputError, see `Scheduling.second_pass`."""
        values = self.values
        scheduling = Scheduling.of(self.model, values)
        return scheduling.second_pass(values.steps, self.strength, 0, values.steps_rule)

    @property
    def has_places(self) -> bool:
        """Whether a prompt may miss a window."""
        return any(extra.get(key) is not None for cond in (self.positive, self.negative) for _, extra in cond
                   for key in ("area", "mask"))  # fmt: skip

    @property
    def steps(self) -> int:
        """Sampling steps of a window."""
        return max(0, len(self.sigmas.sigmas) - 1)

    @property
    def cell(self) -> int:
        """Pixels a side of a latent cell."""
        return cell_of(self.vae)

    def bands(self, size: Size) -> Bands:
        """Lay windows over a picture of this width and height. Raises InputError, see `windows_of`."""
        space, cell, (width, height) = self.model.get_model_object("latent_format"), self.cell, size
        frames = [1] * (space.latent_dimensions - 2)
        shape = [1, space.latent_channels, *frames, -(-height // cell), -(-width // cell)]
        return Bands.of(windows_of(self.model.model, shape, self.tiles), width, height, cell)

    def part(self, box: Box, size: Size) -> Part:
        """A box that begins with a latent cell, of a picture of this width and height."""
        cell = self.cell
        cells = Box(box.x0 // cell, box.y0 // cell, -(-box.x1 // cell), -(-box.y1 // cell))
        return Part(cells.times(cell), (-(-size[0] // cell) * cell, -(-size[1] // cell) * cell), cells)

    def shares(self, part: Part) -> torch.Tensor | None:
        """How much of the strength the cells of a window get, `(h, w)`, 0 to 1; None: all of it everywhere."""
        if self.plan is None or not self.plan.changes_strength:
            return None
        shares = self.plan.cut(part.window, part.whole).strength(*part.size_in_cells)
        return shares if bool((shares < 1).any()) else None

    def prompts(self, part: Part, has_hints: bool = True) -> tuple[Cond, Cond]:
        """Return both prompts for a window, with the plan's words.

        `has_hints`: with ControlNets, whose hints are then made.

        Raises:
            InputError: nothing of one of them reaches the window; see also `planned_prompt`.
        """
        chains, found = Chains(), list[Cond]()
        for name, cond in (("positive", self.positive), ("negative", self.negative)):
            if not has_hints:
                cond = [[text, {**extra, "control": None}] for text, extra in cond]
            own = prompt_of_part(cond, part, part.whole, chains, name, part.size_in_cells)
            if self.plan is not None and name == "positive":
                own = planned_prompt(own, self.plan.cut(part.window, part.whole), self.clip, self._encoded)
            if cond and not own:
                raise InputError(
                    f"nothing of the prompt lies in the window of {part.size[0]}x{part.size[1]} pixels at "
                    f"{part.window.x0}, {part.window.y0} of a picture of {part.whole[0]}x{part.whole[1]}: it all has "
                    "areas or masks elsewhere. Combine it with a prompt for the whole picture, or skip that part by "
                    "a tile plan.",
                    name,
                )
            found.append(self._sized(own, part))
        return found[0], found[1]

    def _sized(self, cond: Cond, part: Part) -> Cond:
        """A prompt that tells SDXL of the whole picture."""
        if not is_told_sizes(self.model.model):
            return cond
        whole = part.whole[0] // self.cell, part.whole[1] // self.cell
        return [[text, {**extra, **sizes_in_prompt(extra, part.cells, whole)}] for text, extra in cond]

    @property
    def words(self) -> dict[str, Any]:
        """The numbers and names that decide about the pixels, as JSON can hold them."""
        values, noise = self.values, PlacedNoise.of(self.noise, Box(0, 0, 1, 1))
        return {
            "strength": self.strength,
            "cfg": self.cfg,
            "steps": [values.steps, values.steps_rule],
            "sampler": [values.sampler_name, values.scheduler, asdict(values.settings)],
            "noise": [noise.seed, noise.source, noise.delta],
            "control": self.control_strength if self.control_net is not None else None,
            **({"hooks": [hook.words for hook in registered_hooks()]} if registered_hooks() else {}),
        }

    def _check_prompts(self) -> None:
        for name, cond in (("positive", self.positive), ("negative", self.negative)):
            extras = [extra for _, extra in cond]
            found = list(dict.fromkeys(words for extra in extras for words in _of_one_picture(extra)))
            if found:
                raise InputError(
                    f"the prompt has {' and '.join(found)}, which belongs to one whole picture, and every window would "
                    "be drawn with all of it. Take it out. For pictures that fit the memory take Tiled Model, which "
                    "cuts it to each tile.",
                    name,
                )
            for control in (link for extra in extras for link in _links(extra.get("control"))):
                if not is_known(control):
                    raise InputError(
                        f"the prompt has a ControlNet of the kind {type(control).__name__} of another pack, whose hint "
                        "cannot be cut for sure. Load and apply it with ComfyUI's own nodes, or connect the ControlNet "
                        "to control_net.",
                        name,
                    )

    def _check_plan(self) -> None:
        if has_plan(self.model):
            raise InputError(
                "the model comes from Tile Plan, whose plan would be laid over every window as a whole. Connect the "
                "model before it, and the output plan of Tile Plan to the input plan.",
                "model",
            )
        if self.plan is None:
            return
        if self.plan.has_words and self.clip is None:
            raise InputError(NO_ENCODER, "clip")
        refused = why_not(self.model.model) if self.plan.changes_strength else None
        if refused:
            raise InputError(refused, "plan")

    def _check_hook(self, hook: GraphHook) -> None:
        """Refuse what a window cannot have of its own."""
        changes = hook.changes
        extras = [extra for cond in (changes.positive or [], changes.negative or []) for _, extra in cond]
        found = list(
            dict.fromkeys(words for extra in extras for words in (*_of_one_picture(extra), *_placed_in(extra)))
        )
        if found:
            raise InputError(
                f"the prompt of a hook has {' and '.join(found)}, and every window would be drawn with all of it. Take "
                "it out there; in this node's own prompts, what has a place is cut to each window.",
                "hooks",
            )
        if changes.model is not None:
            _check_patches(changes.model, "hooks")
        if self.plan is not None and (changes.model, changes.positive, changes.negative) != (None, None, None):
            raise InputError(
                "a hook brings a model or prompts of its own, which would take the place of what the plan asks for. "
                "Disconnect them there, or the plan.",
                "hooks",
            )
        if hook.noise is not None:
            raise InputError(
                "Before Second Pass has noise, of which every window would get the same. Disconnect it there: here "
                "each place has noise of its own, by the seed of this node's noise.",
                "hooks",
            )


def _of_one_picture(extra: dict[str, Any]) -> Iterator[str]:
    """What an entry holds that is not cut to a window."""
    for key, value in extra.items():
        if key in LAID_OVER and value is not None:
            yield LAID_OVER[key]
        elif (
            key not in PLACED
            and not key.startswith(_TEXTS)
            and any(
                isinstance(one, torch.Tensor) and one.ndim >= _PICTURE_AXES
                for one in (value if isinstance(value, (list, tuple)) else [value])
            )
        ):
            yield f"a picture ({key})"


def _links(control: Any) -> Iterator[Any]:
    """A ControlNet and those before it."""
    while control is not None:
        yield control
        control = control.previous_controlnet


def _placed_in(extra: dict[str, Any]) -> Iterator[str]:
    """What an entry holds that has a place in the picture."""
    return (OF_A_PICTURE[key] for key in PLACED if extra.get(key) is not None)


def _check_patches(model: Any, input_name: str = "model") -> None:
    patches = model.model_options.get("transformer_options", {}).get("patches", {})
    if holds_picture(patches):
        raise InputError(
            "the model has a patch that holds a picture (a DiffSynth, Z-Image or similar ControlNet), which would "
            "be laid over every window as a whole. Take it out, or connect a ControlNet to control_net: it gets "
            "each window's own picture.",
            input_name,
        )
