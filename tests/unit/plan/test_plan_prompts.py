"""What is said of LoRAs before a run: which ones, which are missing, and tags that load nothing."""

from hires_pack.hires.plan.facts import Facts
from hires_pack.hires.plan.graph import plan
from hires_pack.hires.prompts.lora_files import LoraFiles, prompt_loras
from hires_pack.hires.prompts.networks import LoraTag
from hires_pack.hires.prompts.styles import Style


class Known(Facts):
    def prompt_loras(self, text, lora_name, lora_strength):
        more = [] if lora_name == "None" else [LoraTag(lora_name, lora_strength, lora_strength)]
        return prompt_loras(text, more, LoraFiles([f"sub/{name}.safetensors" for name in ("one", "two")]))

    def styles(self):
        return {"Two": Style("Two", "{prompt} <lora:two:0.5>", "")}


def shown(**nodes):
    graph = {name: {"class_type": kind, "inputs": inputs} for name, (kind, inputs) in nodes.items()}
    return plan(graph, Known())


def loras(text, lora_name="None", **more):
    return "HiresFixPromptLoras", {"text": text, "lora_name": lora_name, "lora_strength": 0.3, **more}


def test_what_will_be_loaded_is_told():
    found = shown(a=loras("a <lora:one:0.8> b", "sub/two.safetensors"), b=loras("a cat"))
    assert found == {"a": {"text": "one 0.8, two 0.3", "warning": None}}


def test_a_missing_lora_stops_the_run():
    (badge,) = shown(a=loras("a <lora:gone:0.8>")).values()
    assert badge["text"] == "stops with an error"
    assert badge["warning"].startswith("no LoRA is called 'gone'.")


def test_styles_and_other_texts_are_read():
    none = {f"style_{number}": "None" for number in (2, 3, 4)}
    styles = "HiresFixStyles", {"prompt": "a", "negative_prompt": "", "style_1": "Two", **none}
    found = shown(s=styles, a=loras(["s", 0]), b=loras("", instead_of_empty=["s", 2]))
    assert {name: badge["text"] for name, badge in found.items()} == {"a": "two 0.5", "b": "two 0.5"}


def test_tags_that_load_nothing_are_warned_of():
    prompt = {"text": "a <lora:one:0.8>", "clip": ["c", 1]}
    core = {"clip": ["c", 1], "lora_name": "x/ONE.pt", "strength_model": 1, "strength_clip": 1}
    found = shown(
        c=("CheckpointLoaderSimple", {"ckpt_name": "a.safetensors"}),
        bare=("HiresFixPrompt", prompt),
        negative=("HiresFixPrompt", {**prompt, "negative_prompt": True}),
        tags=loras("a <lora:one:0.8>", model=["c", 0], clip=["c", 1]),
        ours=("HiresFixPrompt", {"text": ["tags", 2], "clip": ["tags", 1]}),
        core=("LoraLoader", core),
        theirs=("HiresFixPrompt", {**prompt, "clip": ["core", 1]}),
    )
    assert set(found) == {"bare", "tags"}
    assert found["bare"]["text"] == "LoRA not loaded"
    assert found["bare"]["warning"].startswith("<lora:one:0.8> in the text loads nothing here.")
