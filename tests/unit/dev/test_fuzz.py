"""The prompts of `dev.py fuzz` are ones that the host takes, and what it looks for is found."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hires_pack.dev.fuzz import core as fuzz_core
from hires_pack.dev.fuzz import files as fuzz_files
from hires_pack.dev.fuzz import findings as fuzz_findings
from hires_pack.dev.fuzz import growth as fuzz_growth
from hires_pack.dev.fuzz import judge as fuzz_judge
from hires_pack.dev.fuzz import maker as fuzz_maker
from hires_pack.dev.fuzz import stock as fuzz_stock
from hires_pack.dev.fuzz.scenes import SCENES, TURN, make
from hires_pack.dev.fuzz.widgets import Input, Kind, kinds_of
from hires_pack.dev.host.comfy_client import Run
from PIL import Image

ROOT = Path(__file__).resolve().parents[3]
FAMILIES = {
    "unet": fuzz_stock.Family("unet.safetensors", 4, 768, None, has_text=True, is_unet=True),
    "flow": fuzz_stock.Family("flow.safetensors", 16, 4096, 2048),
    "video": fuzz_stock.Family("video.safetensors", 16, 4096, None, is_video=True),
}
STOCK = fuzz_stock.Stock({**FAMILIES, "sd1": FAMILIES["unet"]}, ["x2.safetensors"], ["face.pth"])

WHOLE, TEXT = ["INT", {"default": 1, "min": 0, "max": 10000}], ["STRING", {"default": ""}]
SAMPLER, SCHEDULER = [["euler", "ddim"], {}], [["normal", "karras"], {}]
SAMPLED = {"model": ["MODEL"], "positive": ["CONDITIONING"], "negative": ["CONDITIONING"], "latent_image": ["LATENT"]}
CORE = {
    "KSampler": ({**SAMPLED, "steps": WHOLE, "sampler_name": SAMPLER, "scheduler": SCHEDULER}, ["LATENT"]),
    "KSamplerAdvanced": ({**SAMPLED, "start_at_step": WHOLE, "end_at_step": WHOLE}, ["LATENT"]),
    "KSamplerSelect": ({"sampler_name": SAMPLER}, ["SAMPLER"]),
    "BasicScheduler": ({"model": ["MODEL"], "scheduler": SCHEDULER, "steps": WHOLE}, ["SIGMAS"]),
    "CFGGuider": ({"model": ["MODEL"], "positive": ["CONDITIONING"], "negative": ["CONDITIONING"]}, ["GUIDER"]),
    "DisableNoise": ({}, ["NOISE"]),
    "SamplerCustomAdvanced": (
        {name: [name.upper()] for name in ("noise", "guider", "sampler", "sigmas")} | {"latent_image": ["LATENT"]},
        ["LATENT", "LATENT"],
    ),
    "LatentFromBatch": ({"samples": ["LATENT"], "batch_index": WHOLE, "length": WHOLE}, ["LATENT"]),
    "ConditioningCombine": ({"conditioning_1": ["CONDITIONING"], "conditioning_2": ["CONDITIONING"]}, ["CONDITIONING"]),
    "RescaleCFG": ({"model": ["MODEL"], "multiplier": ["FLOAT", {"min": 0.0, "max": 1.0}]}, ["MODEL"]),
    "EmptyImage": ({"width": WHOLE, "height": WHOLE}, ["IMAGE"]),
    "SolidMask": ({"width": WHOLE, "height": WHOLE}, ["MASK"]),
    "UpscaleModelLoader": ({"model_name": [[], {}]}, ["UPSCALE_MODEL"]),
    "ProbeImage": ({"file": TEXT, "key": TEXT}, ["IMAGE"]),
    "ProbeLatent": ({"file": TEXT, "key": TEXT}, ["LATENT"]),
    "ProbeConditioning": ({"file": TEXT, "key": TEXT}, ["CONDITIONING"]),
    "ProbeFaceLandmarks": ({"file": TEXT, "key": TEXT, "frames": TEXT}, ["FACE_LANDMARKS"]),
}
SEES = {name: [name.upper()] for name in ("image", "latent", "sigmas", "mask")}


def described(name, node):
    """A recorded node as the host describes it."""
    sections = {"required": {}, "optional": {}}
    for each in node["inputs"]:
        options = {key: each[key] for key in ("default", "min", "max", "options") if key in each}
        options["forceInput"] = name == "HiresFixSaveImage" and each["name"] == "parameters"
        sections["optional" if each.get("optional") else "required"][each["name"]] = [each["type"], options]
    return {"input": sections, "output": [one["type"] for one in node["outputs"]], "display_name": node["display_name"]}


@pytest.fixture(scope="module")
def kinds():
    """The pack's nodes as recorded, and so many of core's."""
    recorded = json.loads((ROOT / "hires" / "graph" / "node_defs.json").read_text(encoding="utf-8"))["nodes"]
    info = {name: described(name, node) for name, node in recorded.items()}
    menu = info["HiresFixUpscalerLoader"]["input"]["required"]["upscaler_name"][1]
    menu["options"] = [*menu["options"], fuzz_stock.LDSR]
    info |= {name: {"input": {"required": needed}, "output": gives} for name, (needed, gives) in CORE.items()}
    return kinds_of({**info, "FuzzSee": {"input": {"optional": SEES}, "output": []}})


@pytest.fixture(scope="module")
def cases(kinds):
    return [make(number, 7, kinds, STOCK) for number in range(600)]


# ---------------------------------------------------------------------------------------------------- prompts


def test_equal_seeds_give_equal_prompts(kinds, cases):
    assert make(41, 7, kinds, STOCK) == cases[41]
    assert make(41, 8, kinds, STOCK).graph != cases[41].graph
    assert len({json.dumps(case.graph) for case in cases}) > 590


def test_every_prompt_is_one_that_the_host_takes(kinds, cases):
    for case in cases:
        assert any(node["class_type"] in ("FuzzSee", "PreviewAny", "SaveImage") for node in case.graph.values())
        for node_id, node in case.graph.items():
            kind, given = kinds[node["class_type"]], node["inputs"]
            assert set(given) <= {each.name for each in kind.inputs}
            for each in kind.inputs:
                if each.name not in given:
                    assert each.optional, f"{kind.name} needs {each.name}"
                elif isinstance(given[each.name], list):
                    source, output = given[each.name]
                    assert int(source) < int(node_id)
                    made = kinds[case.graph[source]["class_type"]].outputs[output]
                    assert kind.name == "PreviewAny" or made == "*" or made in each.kind.strip().split(",")
                else:
                    assert fits(given[each.name], each), f"{kind.name}.{each.name} = {given[each.name]!r}"


def fits(value, widget):
    if widget.kind == "COMBO":
        return not widget.options or value in widget.options
    kind = {"INT": int, "FLOAT": (int, float), "BOOLEAN": bool, "STRING": str}[widget.kind]
    return isinstance(value, kind) and (widget.kind in ("BOOLEAN", "STRING") or widget.low <= value <= widget.high)


def test_every_node_of_the_pack_and_every_family_comes_up(kinds, cases):
    used = Counter(node["class_type"] for case in cases for node in case.graph.values())
    assert {name for name in kinds if name.startswith("HiresFix")} <= set(used)
    assert {case.scene for case in cases} == set(SCENES)
    files = {node["inputs"].get("ckpt_name") for case in cases[: 4 * TURN] for node in case.graph.values()}
    assert {family.file for family in FAMILIES.values()} <= files
    assert 20 < sum(case.is_heavy for case in cases) < 140


def test_only_the_daring_widget_costs_much(kinds, cases):
    for case in cases:
        large = {
            name
            for node in case.graph.values()
            for name, value in node["inputs"].items()
            if name in fuzz_maker.CHEAP
            and isinstance(value, int | float)
            and value > max(fuzz_maker.CHEAP[name][1], 16, lowest(kinds, node["class_type"], name))
        }
        assert len(large) <= int(case.is_heavy), large


def lowest(kinds, node, name):
    return next(each.low for each in kinds[node].inputs if each.name == name)


# -------------------------------------------------------------------------------------------------- judgement

NODE = Kind("HiresFixUpscaleImage", (Input("image", "IMAGE"),), ("IMAGE",), "Upscale Image")
GRAPH = {"1": {"class_type": NODE.name, "inputs": {}}, "2": {"class_type": "FuzzSee", "inputs": {"image": ["1", 0]}}}


def failed(message, raised="hires_fix.HiresFixError", node=NODE.name, traceback=()):
    details = {"node_type": node, "exception_message": message, "exception_type": raised, "traceback": list(traceback)}
    kinds = {NODE.name: NODE, "KSampler": Kind("KSampler", (), (), "KSampler")}
    return [found.kind for found in fuzz_judge.errors(GRAPH, Run(status="error", error=details), kinds)]


def test_an_error_must_name_node_and_input():
    assert failed("Upscale Image, input 'image': found 5 channels; use up to 4.") == []
    assert failed("Upscale Image: found 5 channels.") == ["error is no sentence"]
    assert failed("Upscale Image, input 'latent': no such input.") == ["error is no sentence"]
    assert failed("Pixel Upscale, input 'image': another node.") == ["error is no sentence"]
    assert failed("embedded null byte", "ValueError") == ["error is no sentence"]
    assert failed("", "AssertionError") == ["error is no sentence"]
    assert failed("Upscale Image, input 'image': tuple index out of range") == ["Python's words in a sentence"]
    assert failed("Upscale Image, input 'image': out of memory") == ["Python's words in a sentence"]
    assert failed("Upscale Image, input 'image': the model ran out of memory. Set a smaller tile_size.") == []
    assert failed("Upscale Image, input 'image': it cannot be read (SafetensorError: cut off).") == []


def test_errors_of_core_are_not_ours_but_ours_behind_them_are():
    assert failed("mat1 and mat2", "RuntimeError", "KSampler", ["/comfy/sample.py"]) == []
    behind = ["/custom_nodes/hires-fix/host/noise.py"]
    assert failed("overflow", "OverflowError", "KSampler", behind) == ["Python error through a core node"]
    assert failed("no variation seed", "hires_fix.HiresFixError", "KSampler", behind) == []


def test_core_s_sampler_is_asked_with_what_led_to_ours():
    graph = {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {}},
        "2": {"class_type": "ProbeConditioning", "inputs": {}},
        "3": {"class_type": "EmptyLatentImage", "inputs": {}},
        "4": {
            "class_type": "HiresFixBaseSampling",
            "inputs": {"model": ["1", 0], "positive": ["2", 0], "negative": ["2", 0], "latent": ["3", 0], "steps": 9},
        },
        "5": {"class_type": "VAEDecode", "inputs": {"samples": ["4", 0]}},
    }
    core = fuzz_core.as_core(graph, "4")
    assert set(core) == {"1", "2", "3", "core", "core-seen"}
    assert core["core"]["inputs"]["latent_image"] == ["3", 0]
    assert fuzz_core.as_core(graph, "5") is None
    graph["4"]["inputs"]["guider"] = ["6", 0]
    graph["6"] = {"class_type": "BasicGuider", "inputs": {"model": ["1", 0]}}
    assert fuzz_core.as_core(graph, "4")["core"]["inputs"]["guider"] == ["6", 0]
    ours = Run(status="error", error={"exception_type": "IndexError"})
    assert fuzz_core.fails_alike(ours, Run(error={"node_id": "core", "exception_type": "IndexError"}))
    assert not fuzz_core.fails_alike(ours, Run(error={"node_id": "2", "exception_type": "IndexError"}))
    assert not fuzz_core.fails_alike(ours, Run())


def seen(shape, not_finite=0, **more):
    facts = json.dumps({"shape": shape, "not_finite": not_finite, "low": 0, "high": 1})
    return Run(outputs={"2": {"seen": [facts]}}, executed=["1", "2"], **more)


def test_results_are_compared_with_the_plan():
    plan = {"1": {"text": "8×6 → 16×12, 1 tile", "warning": None}}
    assert fuzz_judge.promises(GRAPH, seen([1, 12, 16, 3]), plan) == []
    assert [found.kind for found in fuzz_judge.promises(GRAPH, seen([1, 16, 12, 3]), plan)] == ["size"]
    stops = {"1": {"text": "stops with an error", "warning": "too large"}}
    assert [found.kind for found in fuzz_judge.promises(GRAPH, seen([1, 1, 1, 3]), stops)] == ["plan"]
    assert [found.kind for found in fuzz_judge.values(GRAPH, seen([1, 1, 1, 3], 2))] == ["result is not finite"]


def test_findings_that_differ_in_numbers_are_one():
    first, second = (fuzz_judge.Finding("size", "A", text) for text in ("'a.png' is 3 wide", "'b.png' is -4.5 wide"))
    assert first.key == second.key
    assert first.key != fuzz_judge.Finding("size", "A", "it is high").key


def test_a_kept_prompt_is_the_one_that_is_run_again(cases, tmp_path):
    found = fuzz_findings.Findings(tmp_path)
    for case in cases[:9]:
        found.add(fuzz_judge.Finding("size", "A", f"it is {case.number} wide"), case)
    found.add(fuzz_judge.Finding("growth", "memory", "it grows"), None)
    kept = sorted(tmp_path.iterdir())
    assert [file.name for file in kept] == ["7-0000.json", "7-0001.json", "7-0002.json"]
    assert [fuzz_findings.saved_case(file).graph for file in kept] == [case.graph for case in cases[:3]]
    assert found.table().splitlines()[1].split() == ["9", "7-0000.json", "size", "[A]", "it", "is", "0", "wide"]
    (tmp_path / "bare.json").write_text(json.dumps(cases[5].graph))
    assert fuzz_findings.saved_case(tmp_path / "bare.json").graph == cases[5].graph


def test_only_whole_pictures_in_their_places_may_be_left(tmp_path):
    base = tmp_path / "base"
    for name in ("output", "temp", "input"):
        (base / name).mkdir(parents=True)
    disk = fuzz_files.Disk(base)
    Image.new("RGB", (4, 4)).save(base / "output" / "fine.png")
    (base / "output" / "later.tif.part").write_bytes(b"II")
    assert disk.look(is_over=False) == []
    assert not list((base / "output").iterdir())
    Image.new("RGB", (64, 64), "red").save(base / "output" / "cut.png")
    (base / "output" / "cut.png").write_bytes((base / "output" / "cut.png").read_bytes()[:60])
    (base / "output" / ".x-1234").write_bytes(b"")
    (base / "output" / "later.tif.part").write_bytes(b"II")
    (base / "input" / "stray.png").write_bytes(b"")
    found = {text.text.split("'")[1].split("/")[-1]: text.where for text in disk.look(is_over=True)}
    assert found == {".x-1234": "", "cut.png": ".png", "later.tif.part": ".part", "stray.png": "elsewhere"}


# ----------------------------------------------------------------------------------------------------- growth


def test_growth_is_that_of_the_floor_and_not_of_single_prompts():
    flat = [500.0 + 300 * (number % 7 == 0) for number in range(400)]
    assert fuzz_growth.slope(flat) == 0
    assert fuzz_growth.slope([value + 0.75 * number for number, value in enumerate(flat)]) == pytest.approx(0.75)
    loading = [10.0 * number for number in range(fuzz_growth.WARM_UP)] + [1000.0] * 200
    assert fuzz_growth.slope(loading) == 0


def test_a_server_that_grows_is_a_finding():
    growth = fuzz_growth.Growth(0, [1000 + 2.0 * number for number in range(300)], [50.0] * 300)
    assert [found.where for found in growth.findings()] == ["memory"]
    assert fuzz_growth.Growth(0, [1000.0 + number for number in range(100)], [1.0] * 100).findings() == []
