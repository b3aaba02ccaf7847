"""The generated tables and locale strings, from a node description written by hand."""

import json

import pytest
from hires_pack.dev.generate import files as generated_files
from hires_pack.dev.generate import help_pages
from hires_pack.dev.generate.files import GenerateError

PAGE = "# T\n\n<!-- inputs -->\nold\n<!-- /inputs -->\n\nby hand\n\n<!-- outputs -->\n<!-- /outputs -->\nend\n"

INFO = {
    "display_name": "Target {size}",
    "description": "Sides [a|b] or user@host.",
    "category": "hires fix/size",
    "input_order": {"required": ["hr_scale", "mode", "crop", "seed", "name"], "optional": ["latent"]},
    "input": {
        "required": {
            "hr_scale": ["FLOAT", {"default": 2.0, "min": 0.05, "max": 16.0, "tooltip": "Factor."}],
            "mode": [[*"abcdefgh"], {"default": "b", "tooltip": "One | two * three <tag>\nfour."}],
            "crop": ["BOOLEAN", {"default": False, "tooltip": "Cut."}],
            "seed": ["INT", {"default": 0, "min": 0, "max": 2**64 - 1, "tooltip": "Seed."}],
            "name": ["STRING", {"default": "", "tooltip": "{name}"}],
        },
        "optional": {"latent": ["LATENT,IMAGE", {"tooltip": "The first pass."}]},
    },
    "output_name": ["target"],
    "output": ["HIRES_FIX_TARGET"],
    "output_tooltips": ["Its size."],
}


def page(text=PAGE, **labels):
    return help_pages.page("HiresFixTargetSize", text, INFO, {"hr_scale": "Upscale by", **labels})


def test_tables_say_name_a1111s_name_values_default_and_meaning():
    text = page()
    rows = [line for line in text.splitlines() if line.startswith("| **")]
    assert rows == [
        "| **hr_scale**<br>A1111: *Upscale by* · 0.05 to 16, default 2<br>Factor. |",
        r"| **mode**<br>b, …; default b<br>One \| two \* three &lt;tag> four. |",
        "| **crop**<br>on or off, default off<br>Cut. |",
        "| **seed**<br>0 to 2^64-1, default 0<br>Seed. |",
        "| **name**<br>text, default empty<br>{name} |",
        "| **latent**<br>LATENT or IMAGE · optional<br>The first pass. |",
        "| **target**<br>HIRES_FIX_TARGET<br>Its size. |",
    ]
    assert "old" not in text
    assert "by hand" in text
    assert text.endswith("<!-- /outputs -->\nend\n")


def test_filling_in_twice_changes_nothing():
    assert page(page()) == page()


def test_a_label_of_no_input_is_refused():
    with pytest.raises(GenerateError, match="HiresFixTargetSize has no input hr_scales"):
        page(hr_scales="Upscale by")


@pytest.mark.parametrize("mark", ["<!-- inputs -->", "<!-- /outputs -->"])
def test_a_page_without_marks_is_refused(mark):
    with pytest.raises(GenerateError, match=r"HiresFixTargetSize\.md lacks the marks"):
        page(PAGE.replace(mark, ""))


def test_a_node_without_a_page_is_refused():
    with pytest.raises(GenerateError, match=r"write web/docs/HiresFixNew\.md"):
        help_pages.generated({"HiresFixNew": INFO, "KSampler": {}}, {})


def test_locale_strings_keep_the_editor_from_reading_signs_as_instructions(tmp_path, monkeypatch):
    """Descriptions are compiled as messages there, tooltips are not."""
    monkeypatch.setattr(help_pages, "PAGES", tmp_path)
    monkeypatch.setattr(help_pages, "LOCALE", tmp_path / "en")
    (tmp_path / "HiresFixTargetSize.md").write_text(PAGE, encoding="utf-8")
    files = help_pages.generated({"HiresFixTargetSize": INFO}, {})
    strings = json.loads(files[tmp_path / "en" / "nodeDefs.json"])["HiresFixTargetSize"]
    assert strings["display_name"] == "Target {'{'}size{'}'}"
    assert strings["description"] == "Sides [a{'|'}b] or user{'@'}host."
    assert strings["inputs"]["name"] == {"name": "name", "tooltip": "{name}"}
    assert strings["outputs"] == {"0": {"name": "target", "tooltip": "Its size."}}
    categories = json.loads(files[tmp_path / "en" / "main.json"])["nodeCategories"]
    assert categories == {"hires fix": "hires fix", "size": "size"}


def test_what_is_stale_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(generated_files, "ROOT", tmp_path)
    made = {tmp_path / "new" / f"{name}.md": name for name in ("a", "b")}
    present = [tmp_path / "new" / "a.md", tmp_path / "old.md"]
    assert generated_files.stale(made) == ["new/a.md is missing", "new/b.md is missing"]
    generated_files.write(made)
    (tmp_path / "old.md").touch()
    (tmp_path / "new" / "a.md").write_text("changed", encoding="utf-8")
    assert generated_files.stale(made, present) == ["new/a.md is stale", "old.md is made from nothing"]
    generated_files.write(made, present)
    assert generated_files.stale(made) == []
    assert not (tmp_path / "old.md").exists()
