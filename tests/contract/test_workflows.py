"""The committed workflows are those of the recipes, their two formats agree, and nothing overlaps in the editor."""

import itertools
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hires_pack.dev.generate.record_node_defs import FILE_NAME
from hires_pack.hires.graph.definitions import UPLOAD
from hires_pack.hires.graph.models import DREAMSHAPER, LDSR, PUBLIC_MODELS
from hires_pack.recipes import library

ROOT = Path(__file__).resolve().parents[2]
GENERATOR = "dev.generate.build_workflows"
WORKFLOWS = ROOT / "workflows"
NAMES = sorted(library.WORKFLOWS)
WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}
TITLE_BAR = 30
ENTRANCE = -10
SAVES = {"SaveImage", "HiresFixSaveImage"}
NOTES = {"MarkdownNote", "Note"}


def read(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))


RECORDED = read(ROOT / "hires" / "graph" / "node_defs.json")["nodes"]


def editor_file(name: str, folder: Path = WORKFLOWS) -> Path:
    return folder / f"{library.WORKFLOWS[name].title}.json"


def all_nodes(editor: dict) -> list[dict]:
    """With those inside of boxes."""
    inside = [node for box in editor.get("definitions", {}).get("subgraphs", []) for node in box["nodes"]]
    return editor["nodes"] + inside


def is_widget(entry: dict) -> bool:
    return entry["type"] in WIDGETS and not entry.get("socket")


@pytest.fixture(params=NAMES)
def name(request) -> str:
    return request.param


@pytest.fixture
def editor(name):
    return read(editor_file(name))


@pytest.fixture
def api(name):
    return read(WORKFLOWS / "api" / f"{name}.json")


def copy_sources(target: Path, *generated: str) -> None:
    """What a generator needs, and these folders of generated files."""
    found = [ROOT / "__init__.py"]
    for folder in ("dev", "hires", "recipes", *generated):
        found += [path for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".json")]
    for path in found:
        copy = target / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())


def build(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / "dev" / "mount.py"), GENERATOR, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_committed_files_equal_the_recipes():
    result = build("--check")
    assert result.returncode == 0, result.stderr


def test_check_names_the_stale_file(tmp_path):
    """A copy of the sources with one edited, one missing and one surplus file."""
    copy_sources(tmp_path, "workflows", "subgraphs")
    edited = editor_file("hires-fix-latent", tmp_path / "workflows")
    edited.write_text(edited.read_text(encoding="utf-8").replace("0.7", "0.8"), encoding="utf-8")
    (tmp_path / "workflows" / "api" / "hires-fix-pixel.json").unlink()
    (tmp_path / "workflows" / "surplus.json").write_text("{}", encoding="utf-8")
    (tmp_path / "subgraphs" / "Extras (upscale).json").write_text("{}", encoding="utf-8")
    command = [sys.executable, str(tmp_path / "dev" / "mount.py"), GENERATOR]
    checked = subprocess.run([*command, "--check"], capture_output=True, text=True, timeout=120)
    assert checked.returncode == 1
    lines = checked.stderr.replace("\\", "/").splitlines()
    assert [line.split(";")[0] for line in lines] == [
        f"workflows/{edited.name} is stale",
        "workflows/api/hires-fix-pixel.json is missing",
        "subgraphs/Extras (upscale).json is stale",
        "workflows/surplus.json is made from nothing",
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert read(edited) == read(editor_file("hires-fix-latent"))
    assert subprocess.run([*command, "--check"], capture_output=True, timeout=120).returncode == 0


def boxes_of(editor: dict) -> dict[str, dict]:
    """The definitions of the boxes in a file, by the type of their nodes."""
    return {box["id"]: box for box in editor.get("definitions", {}).get("subgraphs", [])}


def every_node(editor: dict) -> dict[str, dict]:
    """All nodes of the host, those in boxes too, by the ids that they have in prompts."""
    boxes, found = boxes_of(editor), {}
    for node in editor["nodes"]:
        if node["type"] in boxes:
            found |= {f"{node['id']}:{inner['id']}": inner for inner in boxes[node["type"]]["nodes"]}
        elif node["type"] not in NOTES:
            found[str(node["id"])] = node
    return found


def ends_of_links(editor: dict) -> dict[str, list | None]:
    """By "node/slot": what enters there, as the API format has it, also through a box; None for its open fields."""
    boxes, types = boxes_of(editor), {node["id"]: node["type"] for node in editor["nodes"]}
    starts, ends = {}, {}

    def start(source: int, slot: int) -> list:
        box = boxes.get(types[source])
        if box is None:
            return [str(source), slot]
        (link,) = (link for link in box["links"] if link["id"] in box["outputs"][slot]["linkIds"])
        return [f"{source}:{link['origin_id']}", link["origin_slot"]]

    for link, source, slot, target, target_slot, _ in editor["links"]:
        starts[link] = ends[f"{target}/{target_slot}"] = start(source, slot)
    for node in editor["nodes"]:
        for link in boxes.get(node["type"], {"links": ()})["links"]:
            place = f"{node['id']}:{link['target_id']}/{link['target_slot']}"
            if link["origin_id"] == ENTRANCE:
                ends[place] = starts.get(node["inputs"][link["origin_slot"]]["link"])
            else:
                ends[place] = [f"{node['id']}:{link['origin_id']}", link["origin_slot"]]
    return ends


def converted(editor: dict) -> dict:
    """What the editor would queue, worked out from its own file alone: a second road to the API format."""
    ends, prompt = ends_of_links(editor), {}
    for key, node in every_node(editor).items():
        values = iter(node["widgets_values"])
        inputs = {}
        for entry in RECORDED[node["type"]]["inputs"]:
            if is_widget(entry):
                inputs[entry["name"]] = next(values)
                if entry.get("companion", UPLOAD) != UPLOAD:
                    assert next(values) in (entry["companion"], "randomize")
        uploads = any(entry.get("companion") == UPLOAD for entry in RECORDED[node["type"]]["inputs"])
        assert not uploads or next(values) == UPLOAD
        assert next(values, None) is None, f"{node['type']} has more values than widgets"
        for slot, entry in enumerate(node["inputs"]):
            if entry["link"] is not None and ends[f"{key}/{slot}"] is not None:
                inputs[entry["name"]] = ends[f"{key}/{slot}"]
        prompt[key] = {"class_type": node["type"], "inputs": inputs}
    return prompt


def test_editor_and_api_file_say_the_same(editor, api):
    titles = {key: node.pop("_meta")["title"] for key, node in api.items()}
    assert converted(editor) == api
    for key, node in every_node(editor).items():
        assert node.get("title", RECORDED[node["type"]]["display_name"]) == titles[key]


def test_links_are_entered_at_both_ends_and_types_fit(editor):
    nodes = {node["id"]: node for node in editor["nodes"]}
    listed = Counter()
    for link, source, source_slot, target, target_slot, kind in editor["links"]:
        output = nodes[source]["outputs"][source_slot]
        entry = nodes[target]["inputs"][target_slot]
        assert link in output["links"]
        assert entry["link"] == link
        assert output["type"] == kind
        assert "*" in (kind, entry["type"]) or kind in entry["type"].split(",")
        if nodes[source]["type"] not in boxes_of(editor):
            assert RECORDED[nodes[source]["type"]]["outputs"][source_slot]["type"] == kind
        listed[source, source_slot] += 1
    for node in editor["nodes"]:
        for slot, output in enumerate(node["outputs"]):
            assert len(output["links"] or []) == listed[node["id"], slot]
    assert editor["last_link_id"] == max((link[0] for link in editor["links"]), default=0)
    assert editor["last_node_id"] == max(nodes)


def test_every_widget_is_in_the_api_file(api):
    for node in api.values():
        for entry in RECORDED[node["class_type"]]["inputs"]:
            if is_widget(entry) or not entry.get("optional"):
                assert entry["name"] in node["inputs"], f"{node['class_type']}.{entry['name']}"


def test_titles_are_file_names_everywhere_and_say_more_than_the_other_titles():
    """Windows refuses some letters, an address others; the dialog shows - and _ of a description as blanks."""
    titles = [library.WORKFLOWS[name].title for name in NAMES]
    for title in titles:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ,()'-]*[A-Za-z0-9)]", title), title
        assert len(title) <= 48, title
    assert len({title.lower() for title in titles}) == len(titles)


def test_format_and_pack_are_named(editor):
    assert editor["version"] == 0.4
    for node in every_node(editor).values():
        assert node["properties"]["Node name for S&R"] == node["type"]
        ours = node["type"].startswith("HiresFix")
        assert node["properties"]["cnr_id"] == ("hires-fix" if ours else "comfy-core")
        assert node["properties"]["ver"]


def test_workflows_of_a1111s_settings_save_its_infotext(name, api):
    """Core's Save Image writes none; settings that core's importer would lose are in these two."""
    saves = {node["class_type"] for node in api.values()} & SAVES
    assert ("HiresFixSaveImage" in saves) == (name in ("hires-fix-a1111", "hires-fix-other-model"))


PUBLIC = {
    "hires-fix-controlnet": {"DreamShaper_8_pruned.safetensors", "control_v11f1e_sd15_tile_fp16.safetensors"},
    "hires-fix-flow": {"flux1-dev-fp8.safetensors"},
    "hires-fix-other-model": {
        "v1-5-pruned-emaonly-fp16.safetensors",
        "DreamShaper_8_pruned.safetensors",
        "add_detail.safetensors",
    },
    "hires-fix-sdxl": {"sd_xl_base_1.0.safetensors"},
    "redraw-faces": {DREAMSHAPER.name, "mediapipe_face_fp32.safetensors"},
    "restore-faces": {"GFPGANv1.4.pth", "mediapipe_face_fp32.safetensors"},
    **{
        name: {"DreamShaper_8_pruned.safetensors", "control_v11f1e_sd15_tile_fp16.safetensors"}
        for name in ("tiled-redraw", "tiled-redraw-controlnet")
    },
    "tiled-redraw-flux": {"flux1-dev-fp8.safetensors", "Flux.1-dev-Controlnet-Upscaler.safetensors"},
    "tiled-redraw-sdxl": {"sd_xl_base_1.0.safetensors", "xinsir-controlnet-tile-sdxl-1.0.safetensors"},
    "upscale-aurasr": {"AuraSR-v2.safetensors"},
    "upscale-ldsr": {"last.ckpt"},
    "upscale-pid": {
        "ae.safetensors",
        "gemma_2_2b_it_elm_fp8_scaled.safetensors",
        "pid_flux1_512_to_2048_4step_bf16.safetensors",
    },
    "upscale-sd-x4": {"x4-upscaler-ema.safetensors"},
    "upscale-seedvr2": {"seedvr2_3b_int8_convrot.safetensors", "seedvr2_ema_vae_fp16.safetensors"},
    "upscale-supir": {"sd_xl_base_1.0.safetensors", "SUPIR-v0Q_fp16.safetensors"},
    **{name: set() for name in ("standalone-two-upscalers", "standalone-upscale", "upscale-folder")},
}
DIRECTORIES = {
    "CheckpointLoaderSimple": "checkpoints",
    "CLIPLoader": "text_encoders",
    "ControlNetLoader": "controlnet",
    "HiresFixFaceModelLoader": "face_restore",
    "HiresFixUpscalerLoader": "upscale_models",
    "LoadMediaPipeFaceLandmarker": "detection",
    "LoraLoader": "loras",
    "ModelPatchLoader": "model_patches",
    "UNETLoader": "diffusion_models",
    "VAELoader": "vae",
}
SHOWN = {LDSR.name: "https://heibox.uni-heidelberg.de/"}
"""Models whose address the editor only shows, and where they are."""

LICENCES = {
    "tiled-redraw-flux": "not for commercial use",
    "upscale-pid": "neither model nor its pictures are for commercial use",
    "upscale-supir": "Not for commercial use",
}
"""What the notes say of models that not everybody may use for everything."""


def test_public_models_are_listed_where_they_are_loaded(editor, name):
    """Name, folder and address, so that the editor can offer a missing file. It gets them from these two alone, and
    where a browser would save a file under another name, the note says how it is called here.
    """
    (note,) = (node["widgets_values"][0] for node in editor["nodes"] if node["type"] in NOTES)
    listed = set()
    for node in all_nodes(editor):
        for model in node["properties"].get("models", []):
            assert {"name", "directory", "url"} <= set(model) <= {"name", "directory", "url", "hash", "hash_type"}
            if "hash" in model:
                assert re.fullmatch(r"[0-9a-f]{64}", model["hash"])
                assert model["hash_type"] == "SHA256"
            assert model["name"] in node["widgets_values"]
            assert model["directory"] == DIRECTORIES[node["type"]]
            offered = SHOWN.get(model["name"], ("https://huggingface.co/", "https://civitai.com/"))
            assert model["url"].startswith(offered)
            assert model["url"].endswith(f"/{model['name']}") or "/api/" in model["url"] or model["name"] in note
            listed.add(model["name"])
    assert listed == PUBLIC.get(name, {DREAMSHAPER.name})


def test_every_file_that_is_loaded_comes_with_the_pack_or_can_be_had(editor):
    """So that anybody can run it: after a download that the editor offers, if at all."""
    folders = ROOT / "workflows" / "input", ROOT / "upscale_models" / "weights"
    known = {path.name for folder in folders for path in folder.iterdir()} | set(PUBLIC_MODELS)
    for node in all_nodes(editor):
        named = {str(value) for value in node.get("widgets_values") or [] if FILE_NAME.search(str(value))}
        assert named <= known, node["type"]


def test_one_short_note_says_what_to_change_first_and_what_is_not_free(editor, name):
    (note,) = (node for node in editor["nodes"] if node["type"] in NOTES)
    (text,) = note["widgets_values"]
    assert "Change first" in text
    assert LICENCES.get(name, "") in text
    assert len(text) < 500


def rectangle(node: dict) -> tuple[float, float, float, float]:
    """Left, top, right, bottom, with the title bar that lies above a node's position."""
    (x, y), (width, height) = node["pos"], node["size"]
    return x, y - TITLE_BAR, x + width, y + height


def group_rectangle(group: dict) -> tuple[float, float, float, float]:
    x, y, width, height = group["bounding"]
    return x, y, x + width, y + height


def overlap(a: tuple, b: tuple) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def inside(a: tuple, b: tuple) -> bool:
    return b[0] <= a[0] and b[1] <= a[1] and a[2] <= b[2] and a[3] <= b[3]


def test_nothing_overlaps_and_every_node_lies_in_one_group(editor):
    for a, b in itertools.combinations(editor["nodes"], 2):
        assert not overlap(rectangle(a), rectangle(b)), f"{a['id']} {a['type']} and {b['id']} {b['type']}"
    for a, b in itertools.combinations(editor["groups"], 2):
        assert not overlap(group_rectangle(a), group_rectangle(b)), f"{a['title']} and {b['title']}"
    for node in editor["nodes"]:
        assert any(inside(rectangle(node), group_rectangle(group)) for group in editor["groups"]), node["type"]


def test_links_run_from_left_to_right_between_groups(editor):
    """Reading order: a link never goes back to an earlier stage."""
    lefts = sorted(group["bounding"][0] for group in editor["groups"])
    stage = {node["id"]: sum(left <= node["pos"][0] for left in lefts) for node in editor["nodes"]}
    for _, source, _, target, *_ in editor["links"]:
        assert stage[source] <= stage[target]


SAME = {"steps": 0, "cfg": -1.0, "sampler_name": "Use same sampler", "scheduler": "Use same scheduler"}


def test_settings_of_the_passes_are_set_in_one_place(api):
    """Everything else takes them from there."""
    for key, same in SAME.items():
        values = [node["inputs"][key] for node in api.values() if key in node["inputs"]]
        assert sum(value != same for value in values) <= 1, f"{key}: {values}"


def test_size_is_set_in_one_place(api):
    """An empty latent or a picture; the second pass takes it from there."""
    assert sum(node["class_type"].startswith("Empty") for node in api.values()) <= 1
    for node in api.values():
        if node["class_type"] == "HiresFixTargetSize":
            inputs = node["inputs"]
            assert "latent" in inputs or (isinstance(inputs["width"], list) and isinstance(inputs["height"], list))


def test_every_workflow_has_a_small_thumbnail_of_four_to_three(name):
    image = pytest.importorskip("PIL.Image")
    path = editor_file(name).with_suffix(".jpg")
    assert path.stat().st_size <= 40 * 1024
    with image.open(path) as made:
        assert made.format == "JPEG"
        assert made.width * 3 == made.height * 4


def test_no_thumbnail_without_its_workflow():
    assert {path.stem for path in WORKFLOWS.glob("*.jpg")} == {path.stem for path in WORKFLOWS.glob("*.json")}


def test_thumbnails_are_made_of_pictures_or_drawn(tmp_path):
    """A picture goes first; without one the old thumbnail stays, and without that the stages are drawn."""
    image = pytest.importorskip("PIL.Image")
    copy_sources(tmp_path)
    pictures, made = tmp_path / "pictures", tmp_path / "workflows"
    pictures.mkdir()
    command = [sys.executable, str(tmp_path / "dev" / "mount.py"), GENERATOR, "--thumbnails", str(pictures)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    thumbnails = {name: editor_file(name, made).with_suffix(".jpg") for name in NAMES}
    drawn = {name: path.read_bytes() for name, path in thumbnails.items()}
    assert len(set(drawn.values())) == len(NAMES)
    thumbnails["hires-fix-image"].write_bytes(b"kept")
    image.effect_noise((700, 700), 90).convert("RGB").save(pictures / "hires-fix-sdxl.png")
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert thumbnails["hires-fix-image"].read_bytes() == b"kept"
    assert thumbnails["hires-fix-flow"].read_bytes() == drawn["hires-fix-flow"]
    noisy = thumbnails["hires-fix-sdxl"]
    assert noisy.stat().st_size <= 40 * 1024
    with image.open(noisy) as opened:
        assert opened.width * 3 == opened.height * 4
        assert opened.convert("L").resize((8, 6)).getextrema()[0] > 60, "noise has no dark parts, a drawing has"
