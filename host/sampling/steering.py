"""What a sampling pass is steered by."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

import comfy.samplers

from ...hires.prompts.passes import PART_KEY
from ...hires.sampling.samplers import A1111Sampler
from ...hires.sampling.settings import A1111Settings
from ...hires.sizes.regions import Cond, FirstPass, Place, places
from .guidance import Refiner
from .sigmas import SamplingError


@dataclass(frozen=True)
class Steering:
    """A model, two prompts and a cfg, or a GUIDER that has them all."""

    model: Any
    """The MODEL that denoises: with a GUIDER, that one's."""

    positive: Cond
    negative: Cond
    cfg: float
    refiner: Refiner | None = None
    guider: Any = None

    def __post_init__(self) -> None:
        if self.guider is not None:
            object.__setattr__(self, "model", self.guider.model_patcher)

    def places(self) -> frozenset[Place]:
        """Everything in the prompts that counts pixels."""
        if self.guider is not None:
            return places(extra for entries in self.guider.original_conds.values() for extra in entries)
        conds = [self.positive, self.negative]
        conds += [self.refiner.positive, self.refiner.negative] if self.refiner else []
        return places(extra for cond in conds for _, extra in cond)

    def after(self, first: FirstPass, height: int, width: int) -> Steering:
        """The same for a pass that follows the first at another size, in latent cells."""
        move, only = first.move.fitted(height, width), first.places
        refiner, guider = self.refiner, self.guider
        if refiner:
            prompts = move.cond(refiner.positive, only), move.cond(refiner.negative, only)
            refiner = replace(refiner, positive=prompts[0], negative=prompts[1])
        if guider is not None:
            conds = {name: [move.extra(e, only) for e in entries] for name, entries in guider.original_conds.items()}
            guider = copy.copy(guider)
            guider.original_conds = conds
        positive, negative = move.cond(self.positive, only), move.cond(self.negative, only)
        return Steering(self.model, positive, negative, self.cfg, refiner, guider)

    def host_guider(self, model: Any) -> Any:
        """The GUIDER that is connected, or the host's own, on the MODEL or a patched clone of it."""
        if self.guider is None:
            guider = comfy.samplers.CFGGuider(model)
            guider.set_conds(self.positive, self.negative)
            guider.set_cfg(self.cfg)
            return guider
        guider = copy.copy(self.guider)  # the node that made it may be used elsewhere, too
        if model is not guider.model_patcher:
            guider.model_patcher, guider.model_options = model, model.model_options
        return guider

    def check(self, chosen: A1111Sampler | None, settings: A1111Settings) -> None:
        """Refuse what needs the pack's own guidance where a GUIDER is connected.

        Raises:
            SamplingError: a refiner, CFG++, steps without the negative prompt, or a prompt with AND.
        """
        if self.guider is None:
            return
        found = None
        if self.refiner is not None:
            found = "a refiner is connected"
        elif chosen and chosen.guidance_plus:
            found = "DDIM CFG++ is chosen"
        elif chosen and (settings.s_min_uncond > 0 or settings.skip_early_cond > 0):
            found = "A1111 Settings leave the negative prompt out in some steps (s_min_uncond or skip_early_cond)"
        else:
            marks = (extra.get(PART_KEY) for entries in self.guider.original_conds.values() for extra in entries)
            if any(part is not None and (part.group > 0 or part.weight != 1) for part in marks):
                found = "its prompt has parts joined by AND"
        if found:
            raise SamplingError(
                f"{found}, which needs the pack's own guidance, and a {type(self.guider).__name__} is connected. "
                "Disconnect the guider and connect model, positive and negative in its place, or leave that out.",
                "guider",
            )
