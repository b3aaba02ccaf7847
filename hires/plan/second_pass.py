"""The second pass: Re-noise and Second Sampling."""

from __future__ import annotations

from ..graph.reader import Node
from .badge import Badge, badge
from .facts import Facts, Latents, ModelFile
from .steps import SecondPass, plan_second_pass
from .warnings import counted, senseless_strength, size_text, too_large_for_memory, too_long

SMALLEST_STRENGTH = 0.001
"""The least that the node's field holds; schedules have no end towards 0."""


@badge("HiresFixRenoise")
def _renoise(node: Node, facts: Facts) -> Badge:
    latents, strength = node.incoming("latent", Latents), node.number("denoising_strength")
    out = Latents(latents.size, latents.count) if latents else None
    steps, own_steps = node.whole("steps"), node.whole("hr_second_pass_steps")
    sampler, scheduler = node.text("sampler_name"), node.text("scheduler")
    if strength is None or steps is None or own_steps is None or sampler is None or scheduler is None:
        return Badge((out,))
    warning = senseless_strength(strength, bool(latents and latents.is_blurry))
    if 0 < strength < SMALLEST_STRENGTH:
        return Badge((out,), warning=warning)
    plan = plan_second_pass(sampler, scheduler, steps, strength, own_steps)
    return Badge((out, plan), plan.text, warning)


@badge("HiresFixSecondSampling")
def _second_sampling(node: Node, facts: Facts) -> Badge:
    latents, plan = node.incoming("latent", Latents), node.incoming("sigmas", SecondPass)
    words = [counted(plan.steps, "step")] if plan and plan.steps is not None else []
    if latents is None:
        return Badge(text=words[0] if words else None)
    model = node.incoming("model", ModelFile)
    is_run = plan is None or plan.steps != 0
    warning = (too_long(latents.size, facts.trained_side(model) if model else None) if is_run else None) or (
        too_large_for_memory(latents.size, latents.count, facts.free_memory())
    )
    return Badge((latents,), " at ".join([*words, size_text(latents.size)]), warning)
