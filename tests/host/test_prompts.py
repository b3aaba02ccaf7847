"""A1111 Prompt on the real host gives the text embeddings and schedules that A1111 recorded."""

import json
from pathlib import Path

import pytest
import torch
from hires_pack.tests.tolerances import FLOAT32, relative
from safetensors.torch import load_file, save_file

from .graphs import Graph, saved

DATA = Path(__file__).resolve().parents[1] / "data" / "oracle-prompts"
CASES = json.loads((DATA / "cases.json").read_text(encoding="utf-8"))
SDXL = "tiny SDXL"

DEFAULTS = {
    "steps": 8, "for_pass": "first pass", "hr_second_pass_steps": 0, "sampler_name": "Euler", "clip_skip": 1,
    "emphasis": "Original", "comma_padding_backtrack": 20,
}  # fmt: skip


@pytest.fixture(scope="module")
def recorded():
    return load_file(DATA / "embeddings.safetensors")


@pytest.fixture
def encode(host, client, models):
    """What the node, or core's CLIPTextEncode, makes of several inputs, in one run."""

    def encode(*prompts, checkpoint=models.oracle, core=False):
        g, names = Graph(), []
        if checkpoint == SDXL:
            clip = g.add("ProbeTinySDXLClip")
        else:
            clip = g.add("CheckpointLoaderSimple", ckpt_name=checkpoint)[1]
        for prompt in prompts:
            if core:
                out = g.add("CLIPTextEncode", clip=clip, text=prompt["text"])
            else:
                out = g.add("HiresFixPrompt", clip=clip, **{**DEFAULTS, **prompt})
            names.append(f"prompt-{len(names)}-{id(g)}")
            g.add("ProbeSaveConditioning", name=names[-1], conditioning=out)
        client.queue(g).require_success()
        return [saved(host, name) for name in names]

    return encode


def entries(found):
    """The entries' tensors, in order."""
    return [found[str(i)] for i in range(sum(key.isdigit() for key in found))]


def parts(found):
    """(group, weight, last step) of every entry."""
    return [tuple(found[f"{i}.part"][[0, 1, 3]].tolist()) for i in range(len(entries(found)))]


@pytest.mark.parametrize("case_id", CASES)
def test_recorded_embeddings(case_id, encode, recorded):
    case = dict(CASES[case_id])
    passes = case.pop("passes")
    prompts, expected = [], []
    for name, recording in passes.items():
        for_pass = {"first": "first pass", "hr": "second pass"}[name]
        for text, which in (("prompt", "cond"), ("negative_prompt", "uncond")):
            prompts.append(
                {**case, "text": recording[text], "for_pass": for_pass, "negative_prompt": which == "uncond"}
            )
            expected.append(recording[which])

    for found, groups in zip(encode(*prompts), expected, strict=True):
        schedule = [(g, group["weight"], entry) for g, group in enumerate(groups) for entry in group["schedules"]]
        assert parts(found) == [(g, weight, entry["end_at_step"]) for g, weight, entry in schedule]
        for ours, (_, _, entry) in zip(entries(found), schedule, strict=True):
            theirs = entry["embedding"]
            assert relative(ours[0, :, ::24], recorded[theirs]) <= FLOAT32
            assert float(ours.double().norm()) == pytest.approx(float(recorded[f"{theirs}.norm"]), rel=FLOAT32)


def test_a_schedule_covers_every_step_once(encode):
    [found] = encode({"text": "[a:b:2] [c|d] AND e:0.5", "steps": 4})
    spans = {}
    for i in range(len(entries(found))):
        group, weight, first, last = found[f"{i}.part"].tolist()
        spans.setdefault((group, weight), []).append((first, last))
    assert spans == {(0, 1.0): [(0, 1), (2, 2), (3, 3), (4, 4)], (1, 0.5): [(0, 4)]}
    # for the host's own samplers the same in fractions, only where there is something to choose from
    percents = [found[f"{i}.percent"].tolist() for i in range(4)]
    assert percents == [[0.0, 0.5], [0.5, 0.75], [0.75, 1.0], [1.0, 1.0]]
    assert "4.percent" not in found


def test_plain_text_is_what_core_encodes(encode):
    text = {"text": "a photo of a red apple on a wooden table"}
    [ours], [core] = encode(text), encode(text, core=True)
    assert torch.equal(ours["0"], core["0"])
    assert torch.equal(ours["0.pooled"], core["0.pooled"])


def test_emphasis_modes_and_clip_skip_differ(encode):
    text = "a (wooden:1.4) table"
    found = encode(
        {"text": text},
        {"text": text, "emphasis": "No norm"},
        {"text": text, "emphasis": "Ignore"},
        {"text": text, "emphasis": "None"},
        {"text": "a wooden table"},
        {"text": text, "clip_skip": 2},
    )
    original, no_norm, ignore, none, plain, skipped = (entries(one)[0] for one in found)
    assert relative(ignore, plain) == 0  # the tokens are the same, only the weights are left out
    assert relative(none, plain) > 0.01  # the brackets are words
    ratio = no_norm[0, 2] / plain[0, 2]  # token 2 is "wooden"
    torch.testing.assert_close(ratio, torch.full_like(ratio, 1.4), rtol=1e-4, atol=0)
    torch.testing.assert_close(no_norm[0, 1], plain[0, 1])
    assert float(original.double().mean()) == pytest.approx(float(plain.double().mean()), rel=1e-4)
    assert relative(original, no_norm) > 1e-4
    assert relative(skipped, original) > 0.01


def test_parts_of_different_length_repeat_their_last_vector(encode):
    [both, short, long] = encode({"text": "a AND b BREAK c"}, {"text": "a"}, {"text": " b BREAK c"})
    first, second = entries(both)
    torch.testing.assert_close(first[:, :77], entries(short)[0])
    assert torch.equal(first[:, 77:], first[:, 76:77].expand(-1, 77, -1))
    torch.testing.assert_close(second, entries(long)[0])


def test_texts_of_a_schedule_are_filled_up_with_empty_chunks(encode):
    [found, empty] = encode({"text": "[a:b BREAK c:4]"}, {"text": ""})
    short, long = entries(found)
    assert short.shape == long.shape == (1, 154, 768)
    torch.testing.assert_close(short[:, 77:], entries(empty)[0])


def test_padding_brings_the_empty_prompt(encode):
    [found, without, empty] = encode({"text": "a", "pad_cond_uncond": True}, {"text": "a"}, {"text": ""})
    torch.testing.assert_close(found["0.empty"], empty["0"])
    assert "0.empty" not in without


def test_negative_prompts_know_no_and(encode):
    positive, negative = encode({"text": "a AND b:0.5"}, {"text": "a AND b:0.5", "negative_prompt": True})
    assert parts(positive) == [(0, 1.0, 8), (1, 0.5, 8)]
    assert parts(negative) == [(0, 1.0, 8)]


def test_another_sampler_in_the_second_pass(encode):
    """Steps count through both passes, in model calls: the first makes 8 of them with Euler, 16 with Heun."""
    text = {"text": "[a:b:19]", "for_pass": "second pass"}
    euler, heun, mixed = encode(
        text, {**text, "sampler_name": "Heun"}, {**text, "sampler_name": "Heun", "hr_sampler_name": "Euler"}
    )
    assert parts(euler) == [(0, 1.0, 8)]
    assert parts(heun) == [(0, 1.0, 3), (0, 1.0, 16)]
    assert parts(mixed) == [(0, 1.0, 3), (0, 1.0, 8)]


def test_tags_and_comments_are_left_out(encode):
    tagged, plain = encode({"text": "a <lora:x:1>cat # b\n"}, {"text": "a cat"})
    assert torch.equal(tagged["0"], plain["0"])


def test_embeddings_by_the_hosts_name(host, encode):
    folder = host.base / "models" / "embeddings"
    folder.mkdir(parents=True, exist_ok=True)
    vectors = torch.randn(4, 768, generator=torch.Generator().manual_seed(1)) * 0.02
    save_file({"emb_params": vectors}, folder / "four.safetensors")
    text = {"text": "a embedding:four, cat"}
    [ours, weighted], [core] = (
        encode(text, {"text": "a (embedding:four:1.5), cat", "emphasis": "No norm"}),
        encode(text, core=True),
    )
    assert torch.equal(ours["0"], core["0"])
    ratio = (weighted["0"] / ours["0"])[0, :8].mean(dim=-1)
    torch.testing.assert_close(ratio, torch.tensor([1, 1, 1.5, 1.5, 1.5, 1.5, 1, 1]), rtol=1e-3, atol=0)


def test_sdxl_plain_text_is_what_core_encodes(encode):
    text = {"text": "a photo of a red apple"}
    [ours, skipped], [core] = (
        encode(text, {**text, "clip_skip": 2}, checkpoint=SDXL),
        encode(text, checkpoint=SDXL, core=True),
    )
    assert ours["0"].shape == (1, 77, 80)
    for found in (ours, skipped):  # clip skip is SD1's
        assert torch.equal(found["0"], core["0"])
        assert torch.equal(found["0.pooled"], core["0.pooled"])


def test_sdxl_emphasis_restores_the_mean_of_each_encoder(encode):
    plain, found = encode({"text": "a wooden table"}, {"text": "a (wooden:1.4) table"}, checkpoint=SDXL)
    for columns in (slice(0, 32), slice(32, None)):
        ours, theirs = found["0"][..., columns].double(), plain["0"][..., columns].double()
        assert float(ours.mean()) == pytest.approx(float(theirs.mean()), rel=1e-5)
        by_hand = theirs.clone()
        by_hand[0, 2] *= 1.4
        torch.testing.assert_close(ours, by_hand * (theirs.mean() / by_hand.mean()), rtol=1e-4, atol=1e-6)
    assert torch.equal(found["0.pooled"], plain["0.pooled"])


def test_sdxl_takes_the_pooled_output_of_the_first_chunk(encode):
    both, first = encode({"text": "a BREAK b"}, {"text": "a"}, checkpoint=SDXL)
    assert both["0"].shape == (1, 154, 80)
    torch.testing.assert_close(both["0.pooled"], first["0.pooled"])
    torch.testing.assert_close(both["0"][:, :77], first["0"])


def test_sdxl_empty_negative_is_zeros(encode):
    positive, negative, text = encode(
        {"text": ""},
        {"text": "", "negative_prompt": True},
        {"text": "blurry", "negative_prompt": True},
        checkpoint=SDXL,
    )
    for key in ("0", "0.pooled"):
        assert not negative[key].any()
        assert negative[key].shape == text[key].shape
        assert positive[key].any()
        assert text[key].any()


def test_sd1_empty_negative_is_encoded(encode):
    positive, negative = encode({"text": ""}, {"text": "", "negative_prompt": True})
    assert torch.equal(positive["0"], negative["0"])
    assert negative["0"].any()


def test_other_families_get_the_text_as_it_is(encode, models):
    text = {"text": "a (red:1.3) [cat:dog:0.5]"}
    [ours] = encode(text, checkpoint=models.checkpoint("sd3"))
    [core] = encode(text, checkpoint=models.checkpoint("sd3"), core=True)
    assert ours.keys() == core.keys()
    assert all(torch.equal(ours[key], core[key]) for key in core)


def test_core_samplers_take_it(host, client, models):
    """With AND and editing in it, in both passes' roles."""
    g = Graph()
    model, clip = (g.add("CheckpointLoaderSimple", ckpt_name=models.oracle)[i] for i in (0, 1))
    positive = g.add("HiresFixPrompt", clip=clip, **DEFAULTS, text="[a:b:2] c AND d:0.5")
    negative = g.add("HiresFixPrompt", clip=clip, **DEFAULTS, text="e BREAK f", negative_prompt=True)
    latent = g.add("EmptyLatentImage", width=64, height=64, batch_size=1)
    out = g.add(
        "KSampler", model=model, positive=positive, negative=negative, latent_image=latent, seed=1, steps=4, cfg=7.0,
        sampler_name="euler", scheduler="normal", denoise=1.0,
    )  # fmt: skip
    _, name = g.save(latent=out)
    client.queue(g).require_success()
    assert bool(torch.isfinite(saved(host, name)["latent"]).all())


def test_no_text_encoder(client, models):
    g = Graph()
    clip = g.add("CheckpointLoaderSimple", ckpt_name=models.checkpoint("flux"))[1]
    g.add("ProbeSaveConditioning", name="none", conditioning=g.add("HiresFixPrompt", clip=clip, **DEFAULTS, text="a"))
    run = client.queue(g)
    assert run.status == "error"
    assert all(word in run.explanation() for word in ("A1111 Prompt", "'clip'", "text encoder"))


def test_embeddings_are_found_by_their_bare_names(host, encode):
    """As by `embedding:name`, which core reads; in whatever capitals, next to brackets, and only as whole words."""
    folder = host.base / "models" / "embeddings"
    (folder / "sub").mkdir(parents=True, exist_ok=True)
    random = torch.Generator().manual_seed(2)
    save_file({"emb_params": torch.randn(3, 768, generator=random)}, folder / "qzveil.safetensors")
    save_file({"emb_params": torch.randn(2, 768, generator=random)}, folder / "sub" / "qzveil-long.safetensors")
    save_file({"emb_params": torch.randn(1, 1280, generator=random)}, folder / "qzother.safetensors")
    texts = [
        "a cat, embedding:qzveil, (embedding:qzveil:1.3)",
        "a cat,qzveil, (QzVeil:1.3)",
        "a cat qzveil-long",
        "a cat embedding:sub/qzveil-long",
        "a cat qzveils",
        "a cat qzother",
    ]
    bare, no_norm = ({"text": text} for text in texts), {"emphasis": "No norm"}
    found = [entries(one)[0] for one in encode(*({**prompt, **no_norm} for prompt in bare))]
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[2], found[3])
    # what is no name, or does not fit, is words
    for ours, core in zip(found[4:], encode(*({"text": text} for text in texts[4:]), core=True), strict=True):
        assert torch.equal(ours, core["0"])
    assert not torch.equal(found[2][0, 3], found[4][0, 3])
