"""LoRAs in Prompt gives the model and text encoder that core's Load LoRA gives, tag by tag; and says what it cannot."""

import pytest
import torch
from hires_pack.dev.fixtures.loras import CLIP, MODEL, SIZES, write_lora

from .graphs import Graph, saved

PROMPT = {
    "steps": 2, "for_pass": "first pass", "hr_second_pass_steps": 0, "sampler_name": "Euler", "clip_skip": 1,
    "emphasis": "Original", "comma_padding_backtrack": 20,
}  # fmt: skip
ONE, TWO, ODD = "one.safetensors", "sub/two v1.5.safetensors", "Ünï (cöde) – 日本.safetensors"


@pytest.fixture(scope="module", autouse=True)
def loras(host):
    folder = host.base / "models" / "loras"
    for seed, file in enumerate((ONE, TWO, ODD)):
        write_lora(folder / file, seed, metadata={"ss_output_name": f"alias {seed}"})
    write_lora(folder / "sub/twice.safetensors", 5)
    write_lora(folder / "other/twice.safetensors", 6)
    write_lora(folder / "nothing.safetensors", 7, {"lora_unet_of_another_family": (4, 4)})
    write_lora(folder / "model only.safetensors", 8, {MODEL: SIZES[MODEL]})
    (folder / "broken.safetensors").write_bytes(b"no weights")
    deep = b"[" * 200_000
    (folder / "deep.safetensors").write_bytes(len(deep).to_bytes(8, "little") + deep)


class Draw:
    """A graph in which pictures are drawn by prompts with LoRAs loaded in several ways."""

    def __init__(self, models, width=64):
        self.graph = Graph()
        self.checkpoint = self.graph.add("CheckpointLoaderSimple", ckpt_name=models.oracle)
        self.noise = self.graph.add("HiresFixNoise", seed=3, source="CPU")
        self.empty = self.graph.add("EmptyLatentImage", width=width, height=64, batch_size=1)

    def tags(self, text, lora_name="None", lora_strength=1.0, source=None, **more):
        model, clip = source or (self.checkpoint, self.checkpoint[1])
        values = {"text": text, "lora_name": lora_name, "lora_strength": lora_strength, **more}
        node = self.graph.add("HiresFixPromptLoras", model=model, clip=clip, **values)
        return node, node[1], node[2]

    def core(self, *loras, text="a cat"):
        """The same with core's nodes: (file, strength of the model, of the text encoder)."""
        model, clip = self.checkpoint, self.checkpoint[1]
        for file, of_model, of_clip in loras:
            node = self.graph.add(
                "LoraLoader", model=model, clip=clip, lora_name=file, strength_model=of_model, strength_clip=of_clip
            )
            model, clip = node, node[1]
        return model, clip, text

    def first_pass(self, model, clip, text, **more):
        positive = self.graph.add("HiresFixPrompt", clip=clip, text=text, **PROMPT)
        negative = self.graph.add("HiresFixPrompt", clip=clip, text="bad", negative_prompt=True, **PROMPT)
        common = {"model": model, "positive": positive, "negative": negative, "cfg": 4.0, "sampler_name": "Euler"}
        return self.graph.add(
            "HiresFixBaseSampling",
            latent=self.empty, noise=self.noise, steps=2, scheduler="Automatic", **{**common, **more},
        )  # fmt: skip

    def run(self, host, client, **ways):
        """What each way draws."""
        files = {key: self.graph.save(latent=self.first_pass(*way))[1] for key, way in ways.items()}
        client.queue(self.graph).require_success()
        return {key: saved(host, file)["latent"] for key, file in files.items()}


def same(found, ours, theirs):
    assert torch.equal(found[ours], found[theirs]), (ours, theirs)


def test_tags_load_what_load_lora_loads(host, client, models):
    draw = Draw(models)
    odd = ODD.removesuffix(".safetensors")
    found = draw.run(
        host,
        client,
        plain=draw.core(),
        none=draw.tags("a cat"),
        one=draw.tags("a <lora:one:0.8>cat"),
        core_one=draw.core((ONE, 0.8, 0.8)),
        two=draw.tags("a cat<lora:one:0.5><lyco:two v1.5:-0.7:0.4>"),
        core_two=draw.core((ONE, 0.5, 0.5), (TWO, 0.4, -0.7)),
        named=draw.tags("a cat<lora:one:te=0.2:unet=0.9>"),
        core_named=draw.core((ONE, 0.9, 0.2)),
        odd=draw.tags(f"<lora:{odd}>a cat"),
        core_odd=draw.core((ODD, 1.0, 1.0)),
        zero=draw.tags("a cat <lora:one:0>"),
        listed=draw.tags("a cat", TWO, 0.6),
        core_listed=draw.core((TWO, 0.6, 0.6)),
    )
    for ours, theirs in (("none", "plain"), ("zero", "plain"), ("one", "core_one"), ("named", "core_named")):
        same(found, ours, theirs)
    for ours, theirs in (("two", "core_two"), ("odd", "core_odd"), ("listed", "core_listed")):
        same(found, ours, theirs)
    assert len({tuple(found[name].flatten()[:8].tolist()) for name in ("plain", "one", "two", "named", "odd")}) == 5


@pytest.mark.parametrize(
    "name", ["one", "ONE", "one.safetensors", "alias 0", "Alias 0"], ids=["stem", "capitals", "file", "alias", "Alias"]
)
def test_a_lora_has_several_names(name, host, client, models):
    draw = Draw(models)
    found = draw.run(host, client, ours=draw.tags(f"a cat<lora:{name}:0.8>"), core=draw.core((ONE, 0.8, 0.8)))
    same(found, "ours", "core")


@pytest.mark.parametrize("name", ["two v1.5", "sub/two v1.5", "sub\\two v1.5"])
def test_a_folder_may_be_written(name, host, client, models):
    draw = Draw(models)
    found = draw.run(host, client, ours=draw.tags(f"a cat<lora:{name}:0.8>"), core=draw.core((TWO, 0.8, 0.8)))
    same(found, "ours", "core")


def test_tags_of_one_lora_add_up_and_a_tag_beats_the_list(host, client, models):
    draw = Draw(models)
    found = draw.run(
        host,
        client,
        twice=draw.tags("<lora:one:0.5>a <lora:one:0.25>cat"),
        once=draw.tags("a cat<lora:one:0.75>"),
        away=draw.tags("<lora:one:0.5>a <lora:one:-0.5>cat"),
        plain=draw.core(),
        both=draw.tags("a cat<lora:one:0.75>", ONE, 0.1),
    )
    same(found, "twice", "once")
    same(found, "away", "plain")
    same(found, "both", "once")


def test_tags_inside_of_editing_alternation_and_parts_count_for_the_whole_pass(host, client, models):
    draw = Draw(models)
    found = draw.run(
        host,
        client,
        inside=draw.tags("[a <lora:one:0.5>cat:dog:0.5] AND a [tree|<lora:two v1.5:0.5>house] # <lora:gone:1>"),
        core=draw.core((ONE, 0.5, 0.5), (TWO, 0.5, 0.5), text="[a cat:dog:0.5] AND a [tree|house] "),
    )
    same(found, "inside", "core")


def test_an_empty_text_takes_the_other_one(host, client, models):
    draw = Draw(models)
    first = draw.graph.add("PrimitiveString", value="a cat <lora:one:0.8>")
    found = draw.run(
        host,
        client,
        empty=draw.tags(" ", instead_of_empty=first),
        own=draw.tags("a dog <lora:two v1.5:1>", instead_of_empty=first),
        core=draw.core((ONE, 0.8, 0.8), text="a cat "),
        core_own=draw.core((TWO, 1.0, 1.0), text="a dog "),
    )
    same(found, "empty", "core")
    same(found, "own", "core_own")


def test_each_pass_has_the_loras_of_its_own_prompt(host, client, models):
    """Two passes: tags of the hires prompt in the second one only, and those of the first prompt not there."""
    draw = Draw(models)
    outs = {}
    for key, first, second in (
        ("ours", draw.tags("a cat<lora:one:1>"), draw.tags("a dog<lora:two v1.5:0.5>")),
        ("core", draw.core((ONE, 1.0, 1.0)), draw.core((TWO, 0.5, 0.5), text="a dog")),
    ):
        base = draw.first_pass(*first)
        large = draw.graph.add("LatentUpscaleBy", samples=base, upscale_method="bilinear", scale_by=1.5)
        model, clip, text = second
        pair = {
            side: draw.graph.add("HiresFixPrompt", clip=clip, text=words, **PROMPT)
            for side, words in (("positive", text), ("negative", "bad"))
        }
        noised = draw.graph.add(
            "HiresFixRenoise", model=model, latent=large, noise=draw.noise, steps=2, denoising_strength=0.7,
            hr_second_pass_steps=0, sampler_name="Euler", scheduler="Automatic",
        )  # fmt: skip
        final = draw.graph.add(
            "HiresFixSecondSampling", model=model, latent=noised, sigmas=noised[1], noise=draw.noise, cfg=4.0,
            sampler_name="Euler", **pair,
        )  # fmt: skip
        outs[key] = draw.graph.save(latent=final)[1]
    client.queue(draw.graph).require_success()
    assert torch.equal(*(saved(host, file)["latent"] for file in outs.values()))


def test_loras_go_on_top_of_what_the_model_has(host, client, models):
    """Behind another LoRA, a patch of the model and hooks of core: nothing of it is lost."""
    draw = Draw(models)
    outs = {}
    for key in ("ours", "core"):
        model, clip, _ = draw.core((TWO, 0.5, 0.5))
        model = draw.graph.add("RescaleCFG", model=model, multiplier=0.7)
        if key == "ours":
            model, clip, _ = draw.tags("<lora:one:0.6>", source=(model, clip))
        else:
            node = draw.graph.add(
                "LoraLoader", model=model, clip=clip, lora_name=ONE, strength_model=0.6, strength_clip=0.6
            )
            model, clip = node, node[1]
        hooks = draw.graph.add("CreateHookLora", lora_name=ODD, strength_model=0.5, strength_clip=0.0)
        clip = draw.graph.add("SetClipHooks", clip=clip, hooks=hooks, apply_to_conds=True, schedule_clip=False)
        outs[key] = draw.graph.save(latent=draw.first_pass(model, clip, "a cat"))[1]
    client.queue(draw.graph).require_success()
    assert torch.equal(*(saved(host, file)["latent"] for file in outs.values()))


def test_a_lora_without_a_part_for_the_text_encoder(host, client, models):
    draw = Draw(models)
    file = "model only.safetensors"
    found = draw.run(host, client, ours=draw.tags("a cat<lora:model only:1>"), core=draw.core((file, 1.0, 0.0)))
    same(found, "ours", "core")


REFUSED = {
    "a cat <lora:onne:1>": "LoRAs in Prompt, input 'text': no LoRA is called 'onne'. Put its file into models/loras, "
    "or take it out of the prompt (",
    "<lora:twice:1>": "'twice' may be 'other/twice.safetensors', 'sub/twice.safetensors'. Write the folder, too: "
    "<lora:other/twice:1>.",
    "<lora:one:strong>": "<lora:one:strong> makes no sense. Write it as <lora:name:0.8> or <lora:name:0.8:0.6>.",
    "<lora:one:nan>": "makes no sense",
    "<lora:one:60><lora:one:60>": "'one' gets the strength 120 on the text encoder and 120 on the model; the largest "
    "is 100.",
    "<lora:one:1:1:dyn=4>": "asks for another rank (dyn)",
    "<hypernet:one:1>": "is a hypernetwork",
    "<lora:nothing:1>": "the LoRA 'nothing.safetensors' fits neither this model nor its text encoder: none of its 3 "
    "weights belongs to them.",
    "<lora:deep:1>": "the LoRA 'deep.safetensors' cannot be used: ",
    "<lora:broken:1>": "the LoRA 'broken.safetensors' cannot be used: ",
}


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_what_would_give_another_picture_stops_the_run(text, client, models):
    draw = Draw(models)
    draw.graph.save(latent=draw.first_pass(*draw.tags(text)))
    assert REFUSED[text] in client.queue(draw.graph).explanation()


def test_near_names_are_told(client, models):
    draw = Draw(models)
    draw.graph.save(latent=draw.first_pass(*draw.tags("<lora:two v15:1>")))
    assert "; like it: 'two v1.5'" in client.queue(draw.graph).explanation()


def test_the_node_shows_what_it_loads_and_what_it_passes_over(client, models):
    draw = Draw(models)
    node, *_ = way = draw.tags("a <lora:one:0.8:0.6>cat <mood:good>", TWO, 0.5)
    draw.graph.save(latent=draw.first_pass(*way))
    run = client.queue(draw.graph)
    run.require_success()
    lines = ["one.safetensors: 0.8 on the text encoder, 0.6 on the model", "sub/two v1.5.safetensors: 0.5"]
    shown = "\n".join([*lines, "passed over, as A1111 does: <mood:good>"])
    assert (node.id, shown) in run.texts


def test_the_layers_of_the_fixture_are_those_of_the_checkpoint():
    assert {MODEL, CLIP} == set(SIZES)
