"""What people type who look for hires fix, and what the editor shows them: template cards, boxes, nodes."""

import pytest

from .shipped import blueprint_file, workflow_file

CARDS = {
    "hires": "hires-fix-pixel",
    "highres fix": "hires-fix-a1111",
    "hr fix": "hires-fix-a1111",
    "upscale": "standalone-upscale",
    "extras": "standalone-upscale",
    "a1111": "hires-fix-a1111",
    "webui": "hires-fix-a1111",
    "automatic1111": "standalone-two-upscalers",
    "ultimate": "multi-stage-image",
    "esrgan": "hires-fix-pixel",
    "face": "restore-faces",
    "tile": "hires-fix-controlnet",
    "tiled diffusion": "tiled-redraw-controlnet",
    "controlnet": "tiled-redraw-controlnet",
    "batch": "upscale-folder",
    "folder": "upscale-folder",
    "denoise": "multi-stage-upscale",
    "img2img": "hires-fix-image",
}
"""Word -> workflow that its search must show among all templates."""

NODES = {
    "hires fix": blueprint_file("Hires Fix (pixel)").stem,
    "highres fix": blueprint_file("Hires Fix (latent)").stem,
    "hr fix": blueprint_file("Hires Fix (latent)").stem,
    "extras": "Extras (upscale)",
    "automatic1111": blueprint_file("Hires Fix (A1111 numbers)").stem,
    "img2img": blueprint_file("Hires Fix of a picture").stem,
    "batch folder": "Upscale Folder",
    "ultimate": "Tiled Model",
}
"""Word -> what its search among nodes and boxes must show first."""


def test_a_template_is_found_by_every_word_for_it(ui):
    ui.command("Comfy.BrowseTemplates")
    # the first time it opens with the few for beginners
    ui.templates.get_by_text("All Templates", exact=True).first.click()
    for word, name in CARDS.items():
        card = ui.template(workflow_file(name).stem)
        ui.templates_search.fill("no template has this")
        card.wait_for(state="hidden")
        ui.templates_search.fill(word)
        card.wait_for()
    ui.close_templates()


@pytest.mark.parametrize("word", NODES)
def test_the_search_of_nodes_shows_it_first(word, ui):
    ui.adding.search(word, NODES[word], badge="hires-fix" if word in ("batch folder", "ultimate") else "Blueprint")
    first = ui.page.get_by_test_id("result-item").first
    assert NODES[word] in first.inner_text()
    ui.adding.close_search()


def test_no_two_entries_are_called_alike(ui):
    """Core has nodes that upscale pictures, too."""
    ui.adding.search("upscale image", "Upscale Image (Extras)")
    results = ui.page.get_by_test_id("result-item").all_inner_texts()
    names = [text.split("\n")[0] for text in results]
    assert len(set(names)) == len(names)
    ui.adding.close_search()
