"""Tags of LoRAs: which file they mean, and which of them a text keeps."""

import pytest
from hires_pack.hires.prompts.lora_files import LoraError, LoraFiles, LoraUse, prompt_loras
from hires_pack.hires.prompts.networks import LoraTag, with_lora_names, with_loras

FILES = ["one.safetensors", "Sub/Two v1.5.pt", "a/same.pt", "b/same.pt", "b/Same.pt"]
ALIASES = {"one.safetensors": "The One", "a/same.pt": "twin", "b/same.pt": "twin"}
INSTALLED = LoraFiles(FILES, lambda file: ALIASES.get(file, ""))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("one", FILES[0]),
        ("ONE", FILES[0]),
        ("one.safetensors", FILES[0]),
        ("the one", FILES[0]),
        ("Two v1.5", FILES[1]),
        ("sub\\two V1.5", FILES[1]),
        ("b/same", FILES[3]),
        ("Same", FILES[4]),
        ("Two v1.5.pt", FILES[1]),
        ("two V1.5.PT", FILES[1]),
    ],
)
def test_names_of_a_file(name, file):
    assert INSTALLED.named(name) == file


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("same", "'same' may be 'a/same.pt', 'b/same.pt'. Write the folder, too: <lora:a/same:1>."),
        ("twin", "'twin' may be 'a/same.pt', 'b/same.pt'."),
        (
            "ones",
            "no LoRA is called 'ones'. Put its file into models/loras, or take it out of the prompt (5 files are ",
        ),
        ("ones", "; like it: 'one'"),
        ("", "no LoRA is called ''"),
    ],
)
def test_names_of_no_file_or_several(name, said):
    with pytest.raises(LoraError) as error:
        INSTALLED.named(name)
    assert said in str(error.value)


def test_each_file_is_loaded_once_in_the_order_of_the_prompt():
    text = "a <lora:one:0.5>b<lyco:two v1.5:te=0.1:unet=2> <lora:ONE:0.25> # <lora:gone:1>\n<x:y>"
    found = prompt_loras(text, [LoraTag("one.safetensors", 9, 9), LoraTag("b/same", 1, 1)], INSTALLED)
    assert found.uses == (LoraUse(FILES[0], 0.75, 0.75), LoraUse(FILES[1], 0.1, 2.0), LoraUse(FILES[3], 1, 1))
    assert found.passed_over == ("<x:y>",)
    assert not set(found.text) & set("<>#")


@pytest.mark.parametrize("tag", ["sub/x", "x", "X", "x.safetensors", "sub/x.safetensors", "x file"])
def test_a_tag_beats_the_list_by_whatever_name(tag):
    files = LoraFiles(["sub/x.safetensors"], lambda file: "x file")
    found = prompt_loras(f"<lora:{tag}:0.8>", [LoraTag("sub/x.safetensors", 1, 1)], files)
    assert found.uses == (LoraUse("sub/x.safetensors", 0.8, 0.8),)


def test_files_of_one_name_in_two_folders_are_two():
    files = LoraFiles(["y.safetensors", "other/y.safetensors"])
    found = prompt_loras("<lora:y:0.5>", [LoraTag("other/y.safetensors", 1, 1)], files)
    assert found.uses == (LoraUse("y.safetensors", 0.5, 0.5), LoraUse("other/y.safetensors", 1, 1))


def test_a_text_keeps_the_tags_of_what_is_loaded():
    loaded = [LoraTag("one", 0.5, 0.5), LoraTag("one", 0.5, 0.5), LoraTag("new", 1, 1), LoraTag("a:b", 1, 1)]
    text = "x <lora:sub/ONE:0.5> y <lora:one:0.7> <hypernet:h:1> <lora:one:0.5> <lora:one:0.5>"
    assert with_loras(text, loaded) == "x <lora:ONE:0.5> y  <hypernet:h:1> <lora:one:0.5>  <lora:new:1>"
    assert with_loras("# <lora:one:0.5>\nx <lora:one:0.5>", loaded[:1]).split() == ["x", "<lora:one:0.5>"]


def test_other_names_for_tags():
    assert with_lora_names("<lora:a:0.5:1> <lora:b>", {"a": "c", "b": "x:y"}.__getitem__) == "<lora:c:0.5:1> <lora:b>"
