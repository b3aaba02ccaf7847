"""What recorded jobs that sample have in common: models, prompts, noise and settings as nodes."""

from __future__ import annotations

from typing import Any

from ...hires.graph.builder import Node, Output
from ...hires.graph.stages import Sampling
from ...sdapi.samplers import schedule_label
from .cases import Case
from .graph import Plan, Variant
from .names import ModelNames
from .prompts import PassFacts, Prompts
from .settings import NotMappedError, Settings, node_settings


class Job:
    """A graph that grows, and how the parts are built that every pass needs."""

    hires = False
    """Whether there are two passes."""

    def __init__(self, case: Case, variant: Variant, names: ModelNames) -> None:
        self.case, self.names = case, names
        self.plan, self.settings = Plan(), Settings(case)
        self.graph = self.plan.graph
        self.prompts = Prompts(case, self.settings, self.plan, variant)
        # looked at in their resolved form: all_seeds and so on
        self.settings.handled(("seed", "subseed", "n_iter"))
        if self.settings.option("sd_vae") not in ("Automatic", "None", None):
            raise NotMappedError(f"sd_vae={self.settings.option('sd_vae')}")
        for name in ("extra_network_data", "hr_extra_network_data"):  # <lora:…> and the like in a prompt
            if case.resolved(name):
                raise NotMappedError(f"{name}={case.resolved(name)}")

        self.base = self.settings.option("sd_model_checkpoint") or case.data["checkpoint"]
        self.loader = self.load(self.base)
        self.steps, self.cfg = int(self.get("steps")), float(self.get("cfg_scale"))
        self.width, self.height = int(self.get("width")), int(self.get("height"))
        self.batch = int(self.get("batch_size"))
        self.sampler = self.get("sampler_name")
        self.scheduler = schedule_label(self.get("scheduler"))
        values = node_settings(self.case, self.settings)
        self.options = self.graph.node("HiresFixA1111Settings", **values).out() if values else None

    def get(self, name: str) -> Any:
        """A field of the request, resolved."""
        return self.case.resolved(name, self.settings.field(name))

    def load(self, name: str) -> Node:
        """The loader of a checkpoint."""
        return self.graph.node("CheckpointLoaderSimple", ckpt_name=self.names.checkpoint(name))

    def noise(self, seed: int, subseed: int) -> Output:
        """The noise of a batch that begins with these seeds."""
        source = self.settings.option("randn_source")
        on_cpu = self.case.data.get("program", {}).get("device") == "cpu"
        if source not in ("CPU", "GPU", "NV"):
            raise NotMappedError(f"randn_source={source}")
        given: dict[str, Any] = {}
        strength = float(self.get("subseed_strength") or 0)
        if strength:
            given = {"subseed": subseed, "subseed_strength": strength}
        from_w, from_h = (int(self.get(f"seed_resize_from_{side}") or 0) for side in "wh")
        if from_w > 0 and from_h > 0:
            given |= {"seed_resize_from_w": from_w, "seed_resize_from_h": from_h}
        delta = int(self.settings.option("eta_noise_seed_delta") or 0)
        if delta:
            given["eta_noise_seed_delta"] = delta
        return self.graph.node(
            "HiresFixNoise",
            seed=seed,
            # A1111's GPU source draws on the device it runs on
            source="GPU" if source == "NV" or (source == "GPU" and not on_cpu) else "CPU",
            **given,
        ).out()

    def refiner(self, record: dict[str, Any], facts: PassFacts) -> Output | None:
        """The refiner of one pass, if it has one."""
        name, switch_at = self.get("refiner_checkpoint"), self.get("refiner_switch_at")
        by_steps = self.settings.option("refiner_switch_by_sample_steps")
        gate = self.settings.option("hires_fix_refiner_pass")
        if name in (None, "", "None", "none") or (self.hires and gate not in (facts.for_pass, "both passes")):
            return None
        loader = self.load(name)
        switched = "cond_after_switch" in record
        positive, negative = self.prompts.pair(record, loader.out("CLIP"), facts, after_switch=switched)
        return self.graph.node(
            "HiresFixRefiner",
            model=loader.out("MODEL"),
            positive=positive,
            negative=negative,
            switch_at=0.0 if switch_at is None else switch_at,
            by_steps=bool(by_steps),
        ).out()

    def vae_after(self, record: dict[str, Any], loader: Node) -> Output:
        """The VAE that A1111 has after a pass: a refiner brings its own."""
        models = record.get("model_at_call")
        return (self.load(models[-1][1]) if models else loader).out("VAE")

    def sampling(
        self, record: dict[str, Any], facts: PassFacts, loader: Node, model: Output, sampler: str, scheduler: str
    ) -> Sampling:
        """What a pass samples with; `model` is that of its loader, watched or not."""
        positive, negative = self.prompts.pair(record, loader.out("CLIP"), facts)
        return Sampling(
            model=model,
            vae=loader.out("VAE"),
            positive=positive,
            negative=negative,
            steps=self.steps,
            cfg=self.cfg,
            sampler=sampler,
            scheduler=scheduler,
            settings=self.options,
            refiner=self.refiner(record, facts),
        )

    def drawn(self, noise: Output, latent: Output) -> Output:
        """What the noise draws for a latent."""
        return self.graph.node("ProbeNoise", noise=noise, latent=latent).out()
