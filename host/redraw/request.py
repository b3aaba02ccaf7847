"""What Tiled Redraw is asked for, checked before the first picture is opened."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from ...hires.errors import InputError
from ...hires.sampling.same import SecondPassValues
from ...hires.sizes.image_sizes import Size
from ...hires.sizes.regions import Cond
from ...hires.tiles.bands import Bands
from ...hires.tiles.boxes import Box
from ..latents.codec import cell_of
from ..plugins.changes import GraphHook
from ..plugins.hooks import hooks_of, registered_hooks
from ..sampling.noise import PlacedNoise
from ..sampling.passes import OF_A_PICTURE
from ..sampling.sigmas import PassSigmas, Scheduling
from ..tiles.canvas import TileRequest, windows_of
from ..tiles.patches import holds_picture

_LAID_OVER = {**OF_A_PICTURE, "reference_latents": "a reference picture"}
"""What entries of a prompt may hold that belongs to one picture, not to a window of any."""

_WIDE = 2**16
"""Pixels a side of a picture that no window covers."""


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

    def check(self) -> None:
        """Refuse what cannot be drawn, and what would be drawn wrongly.

        Raises:
            InputError: names what is in the way and what to do.
        """
        _check_prompts(self.positive, self.negative)
        _check_patches(self.model)
        for hook in hooks_of(self.hooks):
            if isinstance(hook.function, GraphHook):
                _check_hook(hook.function)
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

    def place(self, box: Box) -> Box:
        """A window in latent cells."""
        cell = self.cell
        return Box(box.x0 // cell, box.y0 // cell, -(-box.x1 // cell), -(-box.y1 // cell))

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


def _check_hook(hook: GraphHook) -> None:
    """Refuse what a window cannot have of its own, as in the inputs themselves."""
    changes = hook.changes
    _check_prompts(changes.positive or [], changes.negative or [], "hooks")
    if changes.model is not None:
        _check_patches(changes.model, "hooks")
    if hook.noise is not None:
        raise InputError(
            "Before Second Pass has noise, of which every window would get the same. Disconnect it there: here each "
            "place has noise of its own, by the seed of this node's noise.",
            "hooks",
        )


def _check_patches(model: Any, input_name: str = "model") -> None:
    patches = model.model_options.get("transformer_options", {}).get("patches", {})
    if holds_picture(patches):
        raise InputError(
            "the model has a patch that holds a picture (a DiffSynth, Z-Image or similar ControlNet), which would "
            "be laid over every window as a whole. Take it out, or connect a ControlNet to control_net: it gets "
            "each window's own picture.",
            input_name,
        )


def _check_prompts(positive: Cond, negative: Cond, input_name: str | None = None) -> None:
    for name, cond in (("positive", positive), ("negative", negative)):
        held = {key for _, extra in cond for key, value in extra.items() if value is not None}
        found = [words for key, words in _LAID_OVER.items() if key in held]
        if found:
            raise InputError(
                f"the prompt has {' and '.join(found)}, which belongs to one whole picture, and every window would "
                "be drawn with all of it. Take it out"
                + (", and connect the ControlNet to control_net." if "control" in held else ".")
                + " For pictures that fit the memory take Tiled Model, which cuts it to each tile.",
                input_name or name,
            )
