"""What steers a sampling pass: prompts and a cfg, or a GUIDER that brings its own."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import comfy.samplers
import torch

from ...hires.prompts.counting import CountedPass
from ...hires.prompts.passes import PART_KEY
from ...hires.sampling.menus import Sampler
from ...hires.sampling.settings import A1111Settings
from ...hires.sizes.regions import Cond, FirstPass, Place, places
from ..prompts.later import LATER_KEY, for_pass
from .sigmas import SamplingError


@dataclass(frozen=True)
class Refiner:
    """A second model that takes over on the way."""

    model: Any
    positive: Cond
    negative: Cond

    switch_at: float
    """Share of the way, 0 to 1, after which it takes over."""

    by_steps: bool = False
    """Count the way in model calls; else in training timesteps."""


@dataclass(frozen=True)
class Prompts:
    """A MODEL, two prompts and a cfg."""

    model: Any
    positive: Cond
    negative: Cond
    cfg: float
    refiner: Refiner | None = None

    def places(self) -> frozenset[Place]:
        """Everything in the prompts that counts pixels."""
        return places(self.extras())

    def extras(self) -> Iterator[dict[str, Any]]:
        """What the entries of the prompts hold beside the text."""
        conds = [self.positive, self.negative]
        conds += [self.refiner.positive, self.refiner.negative] if self.refiner else []
        return (extra for cond in conds for _, extra in cond)

    def after(self, first: FirstPass, height: int, width: int) -> Prompts:
        """The same for a pass that follows the first at another size, in latent cells."""
        move, only = first.move.fitted(height, width), first.places
        positive, negative = move.cond(self.positive, only), move.cond(self.negative, only)
        refiner = self.refiner and replace(
            self.refiner,
            positive=move.cond(self.refiner.positive, only),
            negative=move.cond(self.refiner.negative, only),
        )
        return replace(self, positive=positive, negative=negative, refiner=refiner)

    def for_pass(self, of: CountedPass) -> Prompts:
        """The same with prompts encoded for a pass that have waited for it. Raises InputError, see `for_pass`."""
        refiner = self.refiner and replace(
            self.refiner,
            positive=for_pass(self.refiner.positive, of, "refiner"),
            negative=for_pass(self.refiner.negative, of, "refiner"),
        )
        positive, negative = for_pass(self.positive, of, "positive"), for_pass(self.negative, of, "negative")
        return replace(self, positive=positive, negative=negative, refiner=refiner)

    def host_guider(self, model: Any) -> comfy.samplers.CFGGuider:
        """The host's own guider, on the MODEL or a patched clone of it."""
        guider = comfy.samplers.CFGGuider(model)
        guider.set_conds(self.positive, self.negative)
        guider.set_cfg(self.cfg)
        return guider


@dataclass(frozen=True)
class ConnectedGuider:
    """A GUIDER of core or another pack."""

    guider: Any

    cfg = None
    """It has its own."""

    @property
    def model(self) -> Any:
        return self.guider.model_patcher

    def places(self) -> frozenset[Place]:
        """See `Prompts`."""
        return places(self.extras())

    def extras(self) -> Iterator[dict[str, Any]]:
        """See `Prompts`."""
        return (extra for entries in self.guider.original_conds.values() for extra in entries)

    def after(self, first: FirstPass, height: int, width: int) -> ConnectedGuider:
        """See `Prompts`."""
        move, only = first.move.fitted(height, width), first.places
        conds = self.guider.original_conds.items()
        guider = copy.copy(self.guider)
        guider.original_conds = {name: [move.extra(entry, only) for entry in entries] for name, entries in conds}
        return ConnectedGuider(guider)

    def for_pass(self, of: CountedPass) -> ConnectedGuider:
        """See `Prompts`."""
        if not any(LATER_KEY in entry for entries in self.guider.original_conds.values() for entry in entries):
            return self
        guider = copy.copy(self.guider)
        guider.original_conds = {
            name: [_entry(*pair) for pair in for_pass(list(map(_pair, entries)), of, "guider")]
            for name, entries in self.guider.original_conds.items()
        }
        return ConnectedGuider(guider)

    def host_guider(self, model: Any) -> Any:
        """The GUIDER, on its MODEL or a patched clone of that."""
        guider = copy.copy(self.guider)  # the node that made it may be used elsewhere, too
        if model is not guider.model_patcher:
            guider.model_patcher, guider.model_options = model, model.model_options
        return guider

    def check(self, sampler: Sampler | None, settings: A1111Settings) -> None:
        """Refuse (SamplingError) CFG++, steps without the negative prompt, and a prompt with AND.

        `sampler`: A1111's; None for one of the host's.
        """
        marks = (extra.get(PART_KEY) for entries in self.guider.original_conds.values() for extra in entries)
        if sampler and sampler.guidance_plus:
            raise _needs_own_guidance("DDIM CFG++ is chosen", self.guider)
        if sampler and (settings.s_min_uncond > 0 or settings.skip_early_cond > 0):
            options = "A1111 Settings leave the negative prompt out in some steps (s_min_uncond or skip_early_cond)"
            raise _needs_own_guidance(options, self.guider)
        if any(part is not None and (part.group > 0 or part.weight != 1) for part in marks):
            raise _needs_own_guidance("its prompt has parts joined by AND", self.guider)


def _pair(entry: dict[str, Any]) -> list[Any]:
    """An entry of a guider in the form of a CONDITIONING's."""
    return [entry.get("cross_attn"), {key: value for key, value in entry.items() if key != "cross_attn"}]


def _entry(tensor: torch.Tensor | None, extra: dict[str, Any]) -> dict[str, Any]:
    return extra if tensor is None else {**extra, "cross_attn": tensor, "uuid": uuid.uuid4()}


Guidance = Prompts | ConnectedGuider


def guidance_of(
    model: Any, positive: Cond, negative: Cond, cfg: float, refiner: Refiner | None, guider: Any
) -> Guidance:
    """What the inputs of a sampling node stand for: a GUIDER takes the place of all others.

    Raises:
        SamplingError: a refiner beside a GUIDER.
    """
    if guider is None:
        return Prompts(model, positive, negative, cfg, refiner)
    if refiner is not None:
        raise _needs_own_guidance("a refiner is connected", guider)
    return ConnectedGuider(guider)


def _needs_own_guidance(what: str, guider: Any) -> SamplingError:
    return SamplingError(
        f"{what}, which needs the pack's own guidance, and a {type(guider).__name__} is connected. "
        "Disconnect the guider and connect model, positive and negative in its place, or leave that out.",
        "guider",
    )
