"""The second pass: Re-noise and Second Sampling."""

from __future__ import annotations

from ..graph.reader import Node
from ..graph.same import first_pass, is_same, renoise_of, settings_of, told_by
from ..sampling.same import SAME_CFG, SAME_SAMPLER, SAME_STEPS, misfit, no_cfg, no_first_pass
from ..sampling.steps import STEPS_RULES, StepsRule
from .badge import Badge, badge
from .facts import Facts, Latents
from .steps import SecondPass, plan_second_pass
from .tiles import in_tiles, too_long_for
from .warnings import counted, senseless_strength, size_text, too_large_for_memory

SMALLEST_STRENGTH = 0.001
"""The least that the node's field holds; schedules have no end towards 0."""


@badge("HiresFixRenoise")
def _renoise(node: Node, facts: Facts) -> Badge:
    latents, strength = node.incoming("latent", Latents), node.number("denoising_strength")
    out = Latents(latents.size, latents.count) if latents else None
    own_steps = node.whole("hr_second_pass_steps")
    base, is_sure = first_pass(node)
    if base is None and is_sure:
        _check_own_values(node, own_steps)
    sampler, scheduler = _text(node, "sampler_name"), _text(node, "scheduler")
    steps = told_by(node, "steps").whole("steps", own_steps or None)
    if strength is None or steps is None or own_steps is None or sampler is None or scheduler is None:
        return Badge((out,))
    warning = senseless_strength(strength, bool(latents and latents.is_blurry)) or (
        _other_steps(base, steps) if base and not own_steps else None
    )
    rule = _rule(node)
    if 0 < strength < SMALLEST_STRENGTH or rule is None:
        return Badge((out,), warning=warning)
    plan = plan_second_pass(sampler, scheduler, steps, strength, own_steps, rule)
    own = sampler if base and base.text("sampler_name") not in (None, sampler) else None
    return Badge((out, plan), " with ".join(filter(None, (plan.text, own))) or None, warning)


@badge("HiresFixSecondSampling")
def _second_sampling(node: Node, facts: Facts) -> Badge:
    latents, plan = node.incoming("latent", Latents), node.incoming("sigmas", SecondPass)
    words = [counted(plan.steps, "step")] if plan and plan.steps is not None and not node.has("hooks") else []
    is_run = plan is None or plan.steps != 0
    if is_run:
        _check_first_pass(node)
    if latents is None:
        return Badge(text=words[0] if words else None, warning=_misfit(node))
    warning = (too_long_for(node, latents.size, facts) if is_run else None) or (
        too_large_for_memory(latents.size, latents.count, facts.free_memory())
    )
    told = [" at ".join([*words, size_text(latents.size)]), in_tiles(node, latents.size, facts) if is_run else None]
    return Badge((latents,), " ".join(filter(None, told)), warning or _misfit(node))


def _rule(node: Node) -> StepsRule | None:
    """What the strength does to the steps of a Re-noise; None if that is not known."""
    rule, settings = node.text("steps_rule", STEPS_RULES[0]), settings_of(node) or ""
    if rule != "img2img":
        return None if rule is None else "hires fix"
    all_steps = node.others[settings].flag("img2img_fix_steps", False) if settings in node.others else False
    return None if all_steps is None else "hires fix" if all_steps else "img2img"


def _text(node: Node, name: str) -> str | None:
    """A field of Re-noise, or of the first pass that it follows."""
    return told_by(node, name).text(name)


def _check_own_values(node: Node, own_steps: int | None) -> None:
    """Refuse (InputError), as the run will, what is left to a first pass that there is not."""
    for name in ("sampler_name", "scheduler"):
        if is_same(node, name):
            raise no_first_pass(name, node.text(name) or "")
    if is_same(node, "steps") and own_steps == 0:
        raise no_first_pass("steps", SAME_STEPS)


def _check_first_pass(node: Node) -> None:
    """The same for Second Sampling; a Re-noise before it has said what is missing there."""
    renoise, is_own_cfg = renoise_of(node), not is_same(node, "cfg") or node.has("guider")
    if is_own_cfg and (renoise or not is_same(node, "sampler_name")):
        return  # before a long chain of passes is walked along
    ways = [first_pass(before) for before in (node, renoise) if before]
    bases = [base for base, _ in ways if base]
    if not bases and all(is_sure for _, is_sure in ways):
        if is_same(node, "sampler_name") and not renoise:
            raise no_first_pass("sampler_name", SAME_SAMPLER)
        if not is_own_cfg:
            raise no_first_pass("cfg", SAME_CFG)
    if bases and bases[0].has("guider") and not is_own_cfg:
        raise no_cfg()


def _other_steps(base: Node, steps: int) -> str | None:
    """Warn where the steps of the first pass are told otherwise than it has them."""
    first = base.whole("steps")
    if first is None or first == steps:
        return None
    return (
        f"Base Sampling has {counted(first, 'step')}, and steps here, which should be the same, says {steps}. Set it "
        "to 0: as Base Sampling. For another number in the second pass there is hr_second_pass_steps."
    )


def _misfit(node: Node) -> str | None:
    """Warn of a sampler that runs sigmas which were made for another."""
    renoise, sampler = renoise_of(node), _text(node, "sampler_name")
    made_for, scheduler = (_text(renoise, name) if renoise else None for name in ("sampler_name", "scheduler"))
    if sampler is None or made_for is None or scheduler is None:
        return None
    return misfit(made_for, sampler, scheduler)
