"""Functions of other packs that are called before a pass samples, and what they may change there."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

import torch

from ...hires.errors import InputError
from ...hires.sizes.regions import Cond
from .packs import Owner, PluginError, named_after

When = Literal["before_hr", "process_before_every_sampling"]
"""A1111's names. `before_hr`: before a second pass, whose sigmas are made anew if the hook changes what they follow
from. `process_before_every_sampling`: right before the sampler of any pass, also a first one, after that."""

WHENS: tuple[When, ...] = get_args(When)


@dataclass
class SamplingPass:
    """A pass that is about to sample. What a hook may change is its own copy: nothing of it outlives the pass."""

    number: int
    """1 for a first pass, 2 for one that follows. Not to be changed, as the next two."""

    width: int
    height: int
    """Of the pictures that the pass draws, in pixels: of one window in Tiled Redraw, of one stage in Multi-Stage."""

    model: Any
    """MODEL, a clone; None with a GUIDER, which has its own, as have the next three."""

    positive: Cond | None
    negative: Cond | None
    """CONDITIONING, the lists and dictionaries in it copied."""

    cfg: float | None

    noise: torch.Tensor
    """Noise of variance 1 in the shape of the latent. Zeros where the latent came with its noise in it."""

    sampler_name: str
    """As a node has it. This and what follows can only be changed in `before_hr`."""

    scheduler: str | None = None
    steps: int | None = None
    """Of a second pass the number of steps that its schedule is made for. None where the sigmas are from elsewhere."""

    denoising_strength: float | None = None
    """Of a second pass, 0 to 1; None where the sigmas are from elsewhere, and of a first pass."""


_SIZE = ("number", "width", "height")
_PROMPTS = ("model", "positive", "negative", "cfg")
_SCHEDULE = ("scheduler", "steps", "denoising_strength")

Menus = Mapping[str, Sequence[str]]
"""The names that `sampler_name` and `scheduler` can have."""

HookFunction = Callable[[SamplingPass], None]

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Hook:
    """A function, with when it is called and who brought it."""

    when: When
    function: HookFunction
    owner: Owner
    number: int
    """Another one for every registering; 0 for those of the graph."""

    @property
    def words(self) -> list[str]:
        """What it is known by after a restart, as JSON can hold it."""
        return [self.when, self.owner.text, getattr(self.function, "__qualname__", type(self.function).__qualname__)]

    def call(self, run: SamplingPass, menus: Menus) -> None:
        """Let it change a pass. Raises InputError, named after the pack, for whatever goes wrong."""
        before = replace(run)
        with named_after(self.owner, f"the hook {self.when}", InputError, "hooks"):
            result = self.function(run)
            if result is not None:
                raise InputError(
                    f"it returned a {type(result).__name__}. A hook changes what it is given, returns None"
                )
            _check(before, run, self.when, menus)


_registered: list[Hook] = []


def checked(when: When, function: HookFunction, pack: str) -> Hook:
    """A hook of a pack. Raises PluginError: no such moment, no function."""
    if when not in WHENS:
        raise PluginError(f"there is no hook {when!r}. There are {' and '.join(WHENS)}.")
    if not callable(function):
        raise PluginError(f"the hook {when} of the pack '{pack}' should be a function, and is {function!r}.")
    return Hook(when, function, Owner.of_pack(pack), next(_numbers))


def register(when: When, function: HookFunction, pack: str) -> None:
    """Add a hook after those that there are. Raises PluginError: see `checked`; or it is there already."""
    new = checked(when, function, pack)
    if any(hook.when == when and hook.function == function for hook in _registered):
        raise PluginError(f"the pack '{pack}' has registered this function for {when} already.")
    _registered.append(new)


def unregister(when: When, function: HookFunction) -> None:
    """Take a hook away. Raises PluginError if it is not there."""
    found = [hook for hook in _registered if hook.when == when and hook.function == function]
    if not found:
        raise PluginError(f"{function!r} is not registered for {when!r}.")
    _registered.remove(found[0])


def registered_hooks() -> tuple[Hook, ...]:
    """All of them, in the order in which they were registered: that in which they are called."""
    return tuple(_registered)


def hooks_of(of_graph: Any) -> tuple[Hook, ...]:
    """All that are called in a pass: the registered ones, then what comes in by the input `hooks`, None for nothing.

    Raises:
        InputError: something else came in.
    """
    found = () if of_graph is None else of_graph
    if not isinstance(found, tuple) or not all(isinstance(hook, Hook) for hook in found):
        raise InputError(
            f"a {type(of_graph).__name__} came in. Connect Before Second Pass, Before Every Sampling, or a node of "
            "another pack whose output make_hooks of hires_fix_plugins has made.",
            "hooks",
        )
    return (*_registered, *found)


def hooks_state() -> str:
    """Another text when other hooks are registered: what has been sampled before is not up to date then."""
    return " ".join(str(hook.number) for hook in _registered)


def call_hooks(hooks: Iterable[Hook], run: SamplingPass, menus: Menus) -> None:
    """Call one after another, each with what the one before left. Raises InputError, see `Hook.call`."""
    for hook in hooks:
        hook.call(run, menus)


def _check(before: SamplingPass, run: SamplingPass, when: When, menus: Menus) -> None:
    """Refuse (InputError) what cannot be sampled with, and changes that would have no effect."""
    changed = {one.name for one in fields(before) if getattr(run, one.name) is not getattr(before, one.name)}
    fixed = [*_SIZE] if when == "before_hr" else [*_SIZE, "sampler_name", *_SCHEDULE]
    for name in fixed:
        if getattr(run, name) != getattr(before, name):
            hint = ", which is fixed by now: register it for before_hr" if name not in _SIZE else ", which is fixed"
            raise InputError(f"it set {name} to {getattr(run, name)!r}{hint}")
    for name in _PROMPTS:
        if name in changed and getattr(before, name) is None:
            raise InputError(f"it set {name}, and the pass is steered by a GUIDER, which has its own")
    for name in _SCHEDULE:
        if name in changed and getattr(before, name) is None:
            raise InputError(f"it set {name}, and the sigmas of this pass are not Re-noise's, or only a part of them")
    for name, known in menus.items():
        if name in changed and getattr(run, name) not in known:
            raise InputError(f"it set {name} to {getattr(run, name)!r}, which is in no menu")
    for name in ("positive", "negative"):
        if name in changed and not _is_cond(getattr(run, name)):
            raise InputError(f"it set {name} to something that is no CONDITIONING: a list of [tensor, dictionary]")
    if run.cfg != before.cfg and not _is_number(run.cfg):
        raise InputError(f"it set cfg to {run.cfg!r}, which is no number")
    if run.steps != before.steps and not (isinstance(run.steps, int) and run.steps >= 1):
        raise InputError(f"it set steps to {run.steps!r}; there has to be one at least")
    strength = run.denoising_strength
    if strength != before.denoising_strength and not (_is_number(strength) and 0 <= float(strength or 0) <= 1):
        raise InputError(f"it set denoising_strength to {strength!r}, and it is from 0 to 1")
    if not isinstance(run.noise, torch.Tensor) or run.noise.shape != before.noise.shape:
        shape = tuple(run.noise.shape) if isinstance(run.noise, torch.Tensor) else type(run.noise).__name__
        raise InputError(f"it left noise of {shape}, and the latent has {tuple(before.noise.shape)}")
    if not bool(torch.isfinite(run.noise).all()):
        raise InputError("it left noise with values that are not numbers")
    if "model" in changed and not hasattr(run.model, "get_model_object"):
        raise InputError(f"it set model to a {type(run.model).__name__}, which is no MODEL")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_cond(value: Any) -> bool:
    is_list = isinstance(value, list) and len(value) > 0
    return is_list and all(
        isinstance(one, (list, tuple)) and len(one) == 2 and isinstance(one[1], dict) for one in value
    )
