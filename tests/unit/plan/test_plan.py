"""What is said of a graph before it runs. Numbers are worked out by hand from the rules of A1111 and the nodes."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hires_pack.hires.errors import InputError
from hires_pack.hires.plan import warnings as plan_warnings
from hires_pack.hires.plan.facts import FolderSearch, UpscalerFile
from hires_pack.hires.plan.graph import MOST_NODES, plan
from hires_pack.hires.plan.steps import plan_second_pass
from hires_pack.hires.plan.upscale import UpscaleRequest
from hires_pack.hires.sizes.stages import REDRAW
from hires_pack.hires.tiles.settings import TileSettings
from hires_pack.recipes.pictures import ASTRONAUT, CAT, COFFEE
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[3]
API = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "workflows" / "api").glob("*.json")}
GB = 10**9


@dataclass
class Known:
    """Facts as a test wants them."""

    pictures: dict = field(default_factory=dict)
    cell: int | None = 8
    side: int | None = 512
    scales: dict = field(default_factory=lambda: {"Lanczos": 1})
    tile_count: int | None = 0
    free: int | None = 64 * GB
    jobs: list = field(default_factory=list)
    found: int | None = None
    searches: list = field(default_factory=list)
    work_of: float | None = None

    def picture_size(self, name):
        return self.pictures.get(name)

    def pictures_in(self, search):
        self.searches.append(search)
        if search.input_folder == "refused":
            raise InputError("there is no such folder.", "input_folder")
        return self.found

    def latent_cell(self, vae):
        return self.cell

    def trained_side(self, model):
        return self.side

    def is_ldsr(self, name):
        return "LDSR" in name

    def is_sd_x4(self, model):
        return "x4" in model.name

    def work(self, model):
        return self.work_of

    def upscaler_scale(self, name):
        return self.scales.get(name)

    def tiles(self, job):
        self.jobs.append(job)
        return self.tile_count

    def free_memory(self):
        return self.free


class Graph(dict):
    """An API prompt that grows by `add`, which returns the node's id."""

    def add(self, kind, **inputs):
        self[str(len(self) + 1)] = {"class_type": kind, "inputs": inputs}
        return str(len(self))


def hires_fix(
    way="latent", width=512, height=512, strength=0.7, scale=2.0, steps=20, batch=1, tile=0, sampler="DPM++ 2M"
):
    """The usual graph; returns it and the ids by meaning."""
    graph, ids = Graph(), {}
    ids["checkpoint"] = checkpoint = graph.add("CheckpointLoaderSimple", ckpt_name="a.safetensors")
    empty = graph.add("EmptyLatentImage", width=width, height=height, batch_size=batch)
    base = graph.add("HiresFixBaseSampling", latent=[empty, 0], model=[checkpoint, 0])
    sides = {"width": width, "height": height, "hr_scale": scale, "hr_resize_x": 0, "hr_resize_y": 0}
    ids["target"] = target = graph.add("HiresFixTargetSize", **sides, vae=[checkpoint, 2])
    wires = {"latent": [base, 0], "target": [target, 0]}
    if way == "latent":
        ids["upscale"] = graph.add("HiresFixLatentUpscale", **wires, mode="Latent")
    else:
        upscaler = graph.add("HiresFixUpscalerLoader", upscaler_name="Lanczos")
        tiles = {"tile_size": tile, "tile_overlap": -1}
        ids["upscale"] = graph.add(
            "HiresFixPixelUpscale", **wires, upscaler=[upscaler, 0], vae=[checkpoint, 2], **tiles
        )
    ids["renoise"] = renoise = graph.add(
        "HiresFixRenoise",
        latent=[ids["upscale"], 0],
        steps=steps,
        denoising_strength=strength,
        hr_second_pass_steps=0,
        sampler_name=sampler,
        scheduler="Automatic",
    )
    ids["second"] = graph.add("HiresFixSecondSampling", latent=[renoise, 0], sigmas=[renoise, 1], model=[checkpoint, 0])
    return graph, ids


def said(graph, ids, facts=None, of="second"):
    return plan(graph, facts or Known()).get(ids[of])


# ---- graphs of hostile hands ----------------------------------------------------------------------------------------


def chain(length):
    graph = Graph()
    before = graph.add("EmptyLatentImage", width=512, height=512)
    for _ in range(length - 1):
        before = graph.add("HiresFixSecondSampling", latent=[before, 0])
    return graph


def test_a_graph_of_very_many_nodes_is_refused_with_both_numbers():
    with pytest.raises(InputError, match="The graph has 10001 nodes; what a run will do is told of up to 10000"):
        plan(chain(MOST_NODES + 1), Known())
    assert len(plan(chain(MOST_NODES), Known())) == MOST_NODES - 1


def test_it_is_asked_before_each_node_whether_to_go_on():
    asked = []
    graph = chain(100)
    assert len(plan(graph, Known(), lambda: not asked.append(True))) == 99
    assert len(asked) == 100
    said = plan(graph, Known(), lambda: not asked.append(True) and len(asked) <= 140)
    assert list(said) == [str(index) for index in range(2, 41)]


# ---- A1111's text ---------------------------------------------------------------------------------------------------


def with_prompts(api):
    """A whole graph of the library with both nodes; returns it and their ids."""
    api = json.loads(json.dumps(API[api]))
    (save,) = (name for name, node in api.items() if node["class_type"] in ("SaveImage", "HiresFixSaveImage"))
    images = api[save]["inputs"]["images"]
    api["save"] = {"class_type": "HiresFixSaveImage", "inputs": {"images": images}}
    api["text"] = {"class_type": "HiresFixInfotext", "inputs": {"images": images, "batch_index": 0}}
    return api


def test_a_text_that_says_all_is_not_spoken_of():
    said = plan(with_prompts("hires-fix-controlnet"), Known())
    assert {"save", "text"} & set(said) == set()


def test_why_there_is_no_text_is_told_before_the_run():
    said = plan(with_prompts("multi-stage-upscale"), Known())
    assert said["save"] == {"text": "no A1111 text: two second passes", "warning": None}
    assert said["text"]["text"] == "stops with an error"
    assert said["text"]["warning"].startswith("the graph has two second passes")


def test_a_picture_that_was_not_drawn_has_no_text_to_speak_of():
    said = plan(with_prompts("standalone-upscale"), Known())
    assert "save" not in said
    assert said["text"]["warning"].startswith("no Base Sampling or Second Sampling leads to this picture")


def test_what_a_text_leaves_out_is_told_before_the_run():
    api = with_prompts("hires-fix-latent")
    images = api["save"]["inputs"]["images"]
    for index in range(5):
        api[f"more{index}"] = {"class_type": f"Filter{index}", "inputs": {"image": images}}
        images = [f"more{index}", 0]
    api["save"]["inputs"]["images"] = images
    text = "A1111 text without Filter4, Filter3, Filter2 and 2 more"
    assert plan(api, Known())["save"] == {"text": text, "warning": None}


@pytest.mark.parametrize("save", [{"write_infotext": False}, {"parameters": ["1", 0]}, {"write_infotext": ["1", 0]}])
def test_a_node_that_writes_no_text_of_the_graph_says_nothing(save):
    api = with_prompts("multi-stage-upscale")
    api["save"]["inputs"] |= save
    assert "save" not in plan(api, Known())


def test_of_very_many_such_nodes_some_are_looked_at():
    api = with_prompts("multi-stage-upscale")
    api |= {f"save{index}": api["save"] for index in range(100)}
    said = plan(api, Known())
    assert sum(one["text"].startswith("no A1111 text") for one in said.values()) == 15  # and the other node


# ---- sizes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["latent", "pixel"])
def test_every_node_of_the_usual_graph_tells_its_numbers(way):
    graph, ids = hires_fix(way, width=512, height=768, strength=0.7)
    found = plan(graph, Known())
    size = "512×768 → 1024×1536"
    # A1111: int(20 / 0.7) steps in the schedule, the last 20 of them are run
    texts = {"target": size, "upscale": size, "renoise": "20 of 28 steps", "second": "20 steps at 1024×1536"}
    assert found == {ids[name]: {"text": text, "warning": None} for name, text in texts.items()}


@pytest.mark.parametrize(
    ("width", "height", "scale", "x", "y", "text"),
    [
        (512, 768, 1.5, 0, 0, "512×768 → 768×1152"),
        (512, 512, 1.1, 0, 0, "512×512 → 560×560"),  # int(563.2), whole cells of 8
        (500, 700, 2.0, 0, 0, "500×700 → 1000×1400"),
        (512, 768, 2.0, 1000, 0, "512×768 → 1000×1496"),  # 1000 * 768 // 512 is 1500
        (512, 512, 2.0, 1024, 768, "512×512 → 1024×768"),  # covers 1024x1024, then cropped
    ],
)
def test_target_size_follows_a1111(width, height, scale, x, y, text):
    sides = {"width": width, "height": height, "hr_scale": scale, "hr_resize_x": x, "hr_resize_y": y}
    found = plan({"1": {"class_type": "HiresFixTargetSize", "inputs": sides}}, Known())
    assert found["1"] == {"text": text, "warning": None}


def test_sizes_come_by_links_from_primitives_and_from_another_target():
    graph = Graph()
    width, height = graph.add("PrimitiveInt", value=512), graph.add("PrimitiveInt", value="640")
    rest = {"hr_scale": 2.0, "hr_resize_x": 0, "hr_resize_y": 0}
    first = graph.add("HiresFixTargetSize", width=[width, 0], height=[height, 0], **rest)
    second = graph.add("HiresFixTargetSize", width=[first, 1], height=[first, 2], **rest)
    assert plan(graph, Known())[second]["text"] == "1024×1280 → 2048×2560"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (8, "520×520 → 1040×1040"),
        (16, "520×520 → 1040×1040"),
        (32, "520×520 → 1024×1024"),
        (None, None),  # it depends
    ],
)
def test_a_vae_that_is_not_known_gives_no_numbers_that_could_be_wrong(cell, text):
    sides = {"width": 520, "height": 520, "hr_scale": 2.0, "hr_resize_x": 0, "hr_resize_y": 0}
    graph = {"1": {"class_type": "VAELoader", "inputs": {"vae_name": "a.safetensors"}}}
    graph["2"] = {"class_type": "HiresFixTargetSize", "inputs": {**sides, "vae": ["1", 0]}}
    found = plan(graph, Known(cell=cell)).get("2")
    assert (found and found["text"]) == text


def test_a_picture_of_one_small_cell_is_not_said_to_stop_where_the_vae_is_not_known():
    sides = {"width": 16, "height": 16, "hr_scale": 1.0, "hr_resize_x": 0, "hr_resize_y": 0}
    graph = {"2": {"class_type": "HiresFixTargetSize", "inputs": {**sides, "vae": ["99", 0]}}}
    assert plan(graph, Known()) == {}
    graph["2"]["inputs"]["width"] = 4
    assert plan(graph, Known())["2"]["text"] == "stops with an error"


def test_a_size_that_is_the_same_with_every_vae_is_told():
    graph, ids = hires_fix("latent", 512, 768)
    assert said(graph, ids, Known(cell=None))["text"] == "20 steps at 1024×1536"


def test_a_loaded_picture_is_encoded_in_whole_cells_and_upscaled_as_it_is():
    graph = Graph()
    picture = graph.add("LoadImage", image="a.png")
    checkpoint = graph.add("CheckpointLoaderSimple", ckpt_name="a.safetensors")
    latent = graph.add("VAEEncode", pixels=[picture, 0], vae=[checkpoint, 2])
    sampling = graph.add("HiresFixSecondSampling", latent=[latent, 0])
    upscaler = graph.add("HiresFixUpscalerLoader", upscaler_name="Lanczos")
    upscale = graph.add("HiresFixUpscaleImage", image=[picture, 0], upscaler=[upscaler, 0], **SCALE_BY)
    padded = graph.add("HiresFixEncodeAnySize", image=[picture, 0], vae=[checkpoint, 2])
    padded_sampling = graph.add("HiresFixSecondSampling", latent=[padded, 0])
    found = plan(graph, Known(pictures={"a.png": (133, 101)}))
    assert found[sampling]["text"] == "128×96"
    assert found[upscale]["text"] == "133×101 → 266×202"
    assert found[padded_sampling]["text"] == "136×104"
    assert plan(graph, Known()) == {}, "a picture that is not there"
    graph[padded]["inputs"]["numbers"] = "A1111"
    assert plan(graph, Known(pictures={"a.png": (133, 101)}))[padded_sampling]["text"] == "128×96"


SCALE_BY = {
    "resize_mode": "scale by", "upscaling_resize": 2.0, "upscaling_resize_w": 300, "upscaling_resize_h": 300,
    "upscaling_crop": True, "tile_size": 0, "tile_overlap": -1,
}  # fmt: skip


def test_a_picture_smaller_than_a_latent_cell_has_no_latent_to_speak_of():
    graph = Graph()
    picture = graph.add("LoadImage", image="a.png")
    checkpoint = graph.add("CheckpointLoaderSimple", ckpt_name="a.safetensors")
    latent = graph.add("VAEEncode", pixels=[picture, 0], vae=[checkpoint, 2])
    sides = {"width": 512, "height": 512, "hr_scale": 2.0, "hr_resize_x": 0, "hr_resize_y": 0}
    target = graph.add("HiresFixTargetSize", **sides)
    upscaler = graph.add("HiresFixUpscalerLoader", upscaler_name="Lanczos")
    wires = {"latent": [latent, 0], "target": [target, 0], "upscaler": [upscaler, 0], "vae": [checkpoint, 2]}
    upscale = graph.add("HiresFixPixelUpscale", **wires, tile_size=0, tile_overlap=-1, numbers="A1111")
    facts = Known()
    facts.pictures = {"a.png": (5, 5)}
    assert plan(graph, facts)[upscale]["text"] == "512×512 → 1024×1024"


def upscale_image(facts, kind="HiresFixUpscaleImage", name="Lanczos", **changes):
    graph = Graph()
    picture = graph.add("LoadImage", image="a.png")
    upscaler = graph.add("UpscaleModelLoader", model_name=name)
    node = graph.add(kind, image=[picture, 0], upscaler=[upscaler, 0], **{**SCALE_BY, **changes})
    facts.pictures = {"a.png": (200, 100)}
    return plan(graph, facts).get(node)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"upscaling_resize": 1.333}, "200×100 → 267×133"),
        ({"resize_mode": "scale to"}, "200×100 → 300×300"),
        ({"resize_mode": "scale to", "upscaling_crop": False}, "200×100 → 600×300"),
        ({"max_side": 300}, "200×100 → 300×150"),
        ({"upscaling_resize": 100.0}, "200×100 → 20000×10000"),
        ({"upscaling_resize": 5001.0}, "stops with an error"),
        ({"resize_mode": "sideways"}, None),
        ({"upscaling_resize": ["9", 0]}, None),
        ({"numbers": "A1111", "upscaling_resize": 1.333}, "200×100 → 264×128"),  # whole 8 pixels
        ({"numbers": "A1111", "resize_mode": "scale to"}, "200×100 → 300×300"),
        ({"numbers": "A1111", "max_side": 300}, "200×100 → 296×144"),
    ],
)
def test_upscale_image(changes, text):
    found = upscale_image(Known(), **changes)
    assert (found and found["text"]) == text


@pytest.mark.parametrize(("visibility", "ending"), [(0.0, ", 1 tile"), (0.4, ", 1 tile + about 2 tiles")])
def test_a_second_upscaler_has_tiles_where_it_is_seen(visibility, ending):
    class Two(Known):
        def tiles(self, job):
            return {"a": 1, "b": 2}[job.upscaler.name]

    graph = Graph()
    picture = graph.add("LoadImage", image="a.png")
    first, second = (graph.add("HiresFixUpscalerLoader", upscaler_name=name) for name in "ab")
    links = {"image": [picture, 0], "upscaler": [first, 0], "upscaler_2": [second, 0]}
    node = graph.add("HiresFixUpscaleImage", **links, **SCALE_BY, extras_upscaler_2_visibility=visibility)
    assert plan(graph, Two(pictures={"a.png": (200, 100)}))[node]["text"] == f"200×100 → 400×200{ending}"


def test_the_badge_counts_the_memory_of_the_runs_as_the_run_does():
    """Of 200x100, 4x makes 800x400, short of 1000x496, and then 3200x1600, which Pillow holds in 4 bytes a pixel."""
    runs = 3200 * 1600 * 4
    changes = {"name": "x4", "numbers": "A1111", "upscaling_resize": 5.0}
    warned = [
        upscale_image(Known(scales={"x4": scale}, free=free), **changes)["warning"]
        for scale, free in ((4, runs), (4, runs - 1), (5, runs - 1))
    ]
    assert [bool(warning) for warning in warned] == [False, True, False]


def test_a_second_upscaler_called_none_is_none():
    none, lanczos = UpscalerFile("None", 1), UpscalerFile("Lanczos", 1)
    for second, count in ((none, 1), (lanczos, 2)):
        request = UpscaleRequest(lanczos, 2.0, True, second=second, visibility=0.5)
        assert len(request.plan((200, 100)).jobs) == count
    assert UpscaleRequest(none, 2.0, True, numbers="A1111").plan((200, 100)).size == (200, 100)
    assert UpscaleRequest(none, 2.0, True).plan((200, 100)).size == (400, 200)


def test_the_result_is_cut_out_of_the_middle():
    request = UpscaleRequest(UpscalerFile("Lanczos", 1), (301, 302), True)
    plan = request.plan((200, 100))
    assert (plan.up, plan.window) == ((604, 302), (151, 0, 452, 302))
    assert replace(request, crop=False).plan((200, 100)).window == (0, 0, 604, 302)


def test_a_model_runs_once_in_the_extras_tab_at_the_factor_1():
    facts = Known()
    upscale_image(facts, numbers="A1111", upscaling_resize=1.0)
    assert [job.factor for job in facts.jobs] == [1.0]


FOLDER = {"input_folder": "in", "output_folder": "out", "include": "*.png", "recursive": True, **SCALE_BY}


@pytest.mark.parametrize(
    ("changes", "count", "text"),
    [
        ({}, 12, "12 pictures → 2×"),
        ({"upscaling_resize": 1.5}, 1, "1 picture → 1.5×"),
        ({"resize_mode": "scale to"}, 12, "12 pictures → 300×300"),
        ({}, None, None),  # too many, or not to be seen
        ({"recursive": ["9", 0]}, 12, None),
        ({"input_folder": "refused"}, 12, "stops with an error"),
    ],
)
def test_upscale_folder(changes, count, text):
    graph, facts = Graph(), Known(found=count)
    node = graph.add("HiresFixUpscaleFolder", **{**FOLDER, **changes})
    found = plan(graph, facts).get(node)
    assert (found and found["text"]) == text
    asked = FolderSearch(changes.get("input_folder", "in"), "out", "*.png", recursive=True)
    assert facts.searches == ([] if "recursive" in changes else [asked])


def test_a_folder_without_pictures_is_warned_of():
    graph = Graph()
    node = graph.add("HiresFixUpscaleFolder", **FOLDER)
    found = plan(graph, Known(found=0))[node]
    assert found["text"] == "0 pictures → 2×"
    assert "'*.png'" in found["warning"]


STAGES = {"stages": 0, "denoising_strength": 0.3, "strength_falloff": 0.8, "redraw_last": True}


@pytest.mark.parametrize(
    ("name", "stages", "factor", "text"),
    [
        ("x2", 0, 4.0, "200×100 → 400×200 → 800×400 in 2 stages"),
        ("x4", 0, 4.0, "200×100 → 800×400 in 1 stage"),
        ("Lanczos", 0, 4.0, "200×100 → 800×400 in 1 stage"),
        ("unknown", 2, 4.0, "200×100 → 400×200 → 800×400 in 2 stages"),
        ("unknown", 0, 4.0, "200×100 → 800×400"),
        ("x2", 3, 8.0, "200×100 → 400×200 → 800×400 → 1600×800 in 3 stages"),
    ],
)
def test_multi_stage(name, stages, factor, text):
    facts = Known(scales={"Lanczos": 1, "x2": 2, "x4": 4})
    changes = {**STAGES, "stages": stages, "upscaling_resize": factor}
    found = upscale_image(facts, "HiresFixMultiStageUpscale", name, **changes)
    assert found == {"text": text, "warning": None}


def test_multi_stage_ends_at_the_hosts_own_limit():
    changes = {**STAGES, "upscaling_resize": 82.0}
    found = upscale_image(Known(), "HiresFixMultiStageUpscale", **changes)
    assert found["text"] == "stops with an error"
    assert "16400x8200" in found["warning"]


@pytest.mark.parametrize(
    ("count", "ending"), [(24, ", 24 tiles"), (1, ", 1 tile"), (None, ", tiles by free memory"), (0, "")]
)
def test_tiles_are_told_as_the_host_counts_them(count, ending):
    facts = Known(tile_count=count)
    graph, ids = hires_fix("pixel", 512, 768, tile=128)
    assert said(graph, ids, facts, "upscale")["text"] == f"512×768 → 1024×1536{ending}"
    (job,) = facts.jobs
    assert (job.upscaler.name, job.source, job.target) == ("Lanczos", (512, 768), (1024, 1536))
    assert (job.tiles, job.factor) == (TileSettings(128), None)


def test_a1111s_numbers_ask_for_tiles_by_factor_and_for_none_if_nothing_grows():
    for scale, factors in ((1.5, [1.5]), (1.0, [])):
        facts = Known()
        graph, ids = hires_fix("pixel", scale=scale)
        graph[ids["upscale"]]["inputs"]["numbers"] = "A1111"
        said(graph, ids, facts, "upscale")
        assert [job.factor for job in facts.jobs] == factors


def test_of_a_node_that_is_not_known_nothing_follows():
    graph, ids = hires_fix()
    base = next(name for name, node in graph.items() if node["class_type"] == "HiresFixBaseSampling")
    graph[base]["class_type"] = "SomeoneElsesSampler"
    assert said(graph, ids)["text"] == "20 steps at 1024×1024"  # from the target, which has numbers of its own
    graph[ids["target"]]["inputs"]["width"] = ["99", 0]
    assert said(graph, ids)["text"] == "20 steps"
    assert said(graph, ids, of="upscale") is None


# ---- steps ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sampler", "scheduler", "steps", "strength", "own", "run", "schedule"),
    [
        ("DPM++ 2M", "Automatic", 20, 0.7, 0, 20, 28),
        ("Euler a", "Karras", 20, 0.4, 0, 20, 50),
        ("Euler", "KL Optimal", 20, 0.5, 14, 14, 28),
        ("Euler", "Automatic", 20, 1.0, 0, 20, 20),  # A1111 counts 1 as 0.999: int(20.02)
        ("DPM2", "Automatic", 20, 0.3, 0, 20, 66),
        ("DDIM", "Automatic", 20, 0.5, 0, 19, 40),  # A1111 starts these one grid step lower
        ("UniPC", "Karras", 20, 0.5, 8, 7, 16),
        ("euler", "simple", 20, 0.35, 0, 20, 57),  # KSampler: int(20 / 0.35)
        ("euler", "simple", 20, 1.0, 0, 20, 20),
        ("euler", "Karras", 20, 0.35, 0, 20, 57),
        ("DPM++ 2M", "Automatic", 20, 0.0, 0, 0, 0),
    ],
)
def test_steps_of_the_second_pass(sampler, scheduler, steps, strength, own, run, schedule):
    found = plan_second_pass(sampler, scheduler, steps, strength, own)
    assert (found.steps, found.schedule) == (run, schedule)
    assert len(range(schedule + 1)[found.part]) == (run + 1 if run else 0), "sigmas"


@pytest.mark.parametrize(
    ("sampler", "scheduler"),
    [
        ("Euler", "DDIM"),  # as many as the model's table has
        ("euler", "ddim_uniform"),
        ("euler", "beta"),
        ("euler", "someone's"),
        ("DPM adaptive", "Automatic"),
        ("Restart", "Automatic"),
    ],
)
def test_steps_that_depend_on_model_or_sampler_are_not_guessed(sampler, scheduler):
    assert plan_second_pass(sampler, scheduler, 20, 0.7).steps is None


def test_strength_0_says_that_nothing_is_run():
    graph, ids = hires_fix(strength=0)
    assert said(graph, ids, of="renoise") == {"text": "no steps: the picture stays as it is", "warning": None}
    assert said(graph, ids)["text"] == "0 steps at 1024×1024"


def test_more_steps_than_timesteps_stop_with_the_words_of_the_run():
    graph, ids = hires_fix(sampler="DDIM", steps=20, strength=0.01)
    found = said(graph, ids, of="renoise")
    assert found["text"] == "stops with an error"
    assert "2000 steps" in found["warning"]
    assert "Raise denoising_strength" in found["warning"]


# ---- warnings -------------------------------------------------------------------------------------------------------


def test_a_side_above_the_limit_is_told_with_the_words_of_the_run():
    graph, ids = hires_fix(width=4096, height=4096, scale=4.1)
    found = said(graph, ids, of="target")
    assert found["text"] == "stops with an error"
    assert "a side may have up to 16384 pixels. Lower hr_scale" in found["warning"]


@pytest.mark.parametrize(
    ("way", "strength", "words"),
    [
        ("latent", 0.49, "stays as blurry as Latent Upscale makes it"),
        ("latent", 0.5, None),
        ("latent", 0.0, None),
        ("pixel", 0.2, None),
        ("pixel", 1.0, "nothing of the first pass is left"),
        ("latent", 1.0, "nothing of the first pass is left"),
    ],
)
def test_strengths_that_make_no_sense(way, strength, words):
    warning = said(*hires_fix(way, strength=strength), of="renoise")["warning"]
    assert (words in warning) if words else warning is None


def test_a_latent_that_shrinks_does_not_get_blurry():
    assert said(*hires_fix(strength=0.3, scale=0.5), of="renoise")["warning"] is None


@pytest.mark.parametrize(
    ("side", "trained", "warned"),
    [
        (1024, 512, False),  # 2048x2048 is 16 times 512x512
        (1028, 512, True),
        (2048, 1024, False),
        (2052, 1024, True),
        (2048, None, False),
        (2052, None, True),
        (4004, 4096, True),  # 64 megapixels whatever the model
    ],
)
def test_a_second_pass_of_more_than_16_times_the_trained_area_takes_very_long(side, trained, warned):
    graph, ids = hires_fix(width=side, height=side)
    warning = said(graph, ids, Known(side=trained))["warning"]
    assert ("will take very long" in warning) if warned else warning is None


def test_without_steps_a_large_pass_takes_no_time():
    graph, ids = hires_fix(width=4096, height=4096, strength=0)
    assert said(graph, ids)["warning"] is None


@pytest.mark.parametrize("way", ["latent", "pixel"])
@pytest.mark.parametrize("batch", [1, 4])
def test_pictures_that_do_not_fit_main_memory(way, batch):
    # three colours of 4 bytes, three times at once
    needed = 1024 * 1024 * 3 * 4 * 3 * batch
    graph, ids = hires_fix(way, batch=batch)
    of = "second" if way == "latent" else "upscale"
    assert said(graph, ids, Known(free=needed), of)["warning"] is None
    assert said(graph, ids, Known(free=None), of)["warning"] is None
    warning = said(graph, ids, Known(free=needed - 1), of)["warning"]
    assert "1024×1024 pixels will need about" in warning
    assert ("4 pictures" in warning) == ("or batch" in warning) == (batch == 4)


def test_a_target_for_another_first_pass_is_told():
    graph, ids = hires_fix("pixel")
    graph[ids["target"]]["inputs"]["width"] = 640
    warning = said(graph, ids, of="upscale")["warning"]
    assert "worked out for 640×512, but the latent is 512×512" in warning


@pytest.mark.parametrize(
    ("connected", "redraw_last", "factor", "words"),
    [
        ((), True, 60.0, None),
        (("model", "vae"), True, 2.0, "nothing is connected to positive, negative, noise"),
        (REDRAW, True, 60.0, "Sampling at 12000×6000"),
        # stages by the factor 60 ** 0.5: only the first is redrawn
        (REDRAW, False, 60.0, None),
    ],
)
def test_what_multi_stage_will_redraw(connected, redraw_last, factor, words):
    changes = {**STAGES, "stages": 2, "redraw_last": redraw_last, "upscaling_resize": factor}
    links = {name: ["99", 0] for name in connected}
    warning = upscale_image(Known(), "HiresFixMultiStageUpscale", **changes, **links)["warning"]
    assert (words in warning) if words else warning is None


def test_one_stage_without_a_redraw_stops_with_the_words_of_the_run():
    links = {name: ["99", 0] for name in REDRAW}
    changes = {**STAGES, "redraw_last": False, "stages": 1}
    found = upscale_image(Known(), "HiresFixMultiStageUpscale", **changes, **links)
    assert found["text"] == "stops with an error"
    assert "Turn redraw_last on" in found["warning"]


def test_every_warning_says_what_to_do():
    sentences = [
        plan_warnings.too_large_for_memory((9999, 9999), 2, 1),
        plan_warnings.too_long((9999, 9999), 512),
        plan_warnings.too_long((9999, 9999), None),
        plan_warnings.senseless_strength(0.2, True),
        plan_warnings.senseless_strength(1.0, False),
        plan_warnings.other_size((512, 512), (640, 512)),
        plan_warnings.no_pictures("*"),
    ]
    remedies = ("Choose a", "Lower the", "Use ", "Give ", "Correct ")
    assert all(any(remedy in sentence for remedy in remedies) for sentence in sentences)


# ---- odd graphs -----------------------------------------------------------------------------------------------------

ODD = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, -1, 10**300, 1e308, 5e-324, "512", "x", "", [], {}, ["1", 0], ["2", 1], ["99", 0], "A1111"])
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(API)), st.data())
def test_no_value_in_a_saved_workflow_makes_it_fail(name, data):
    prompt = json.loads(json.dumps(API[name]))
    ours = [node for node in prompt.values() if node["inputs"]]
    for _ in range(data.draw(st.integers(1, 4))):
        node = data.draw(st.sampled_from(ours))
        node["inputs"][data.draw(st.sampled_from(sorted(node["inputs"])))] = data.draw(ODD)
    facts = Known(
        pictures={one.file: (133, 101) for one in (CAT, COFFEE, ASTRONAUT)},
        found=3,
        scales={"Lanczos": 1, "hires-fix-2x.safetensors": 2},
    )
    for found in plan(prompt, facts).values():
        assert found["text"] or found["warning"]
