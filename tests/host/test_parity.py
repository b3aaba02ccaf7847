"""The comparison with recorded A1111 runs: it passes where the pack agrees, and it can fail."""

import copy
import json
import shutil
from pathlib import Path

import pytest
from hires_pack.dev.parity import report as parity_report
from hires_pack.dev.parity import run as parity_run
from hires_pack.dev.parity.cases import discover
from PIL import Image
from safetensors.torch import load_file, save_file

DATA = Path(__file__).resolve().parents[1] / "data"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """A folder of cases as A1111's recorder leaves it: one hires fix job and one of the Extras tab."""
    folder = tmp_path_factory.mktemp("recorded")
    shutil.copytree(DATA / "oracle-cases" / "cases", folder / "cases")
    (folder / "embeddings").mkdir()
    for digest, embedding in load_file(DATA / "oracle" / "embeddings.safetensors").items():
        save_file({"embedding": embedding.contiguous()}, folder / "embeddings" / f"{digest}.safetensors")
    (folder / "images").mkdir()
    shutil.copy(DATA / "oracle-extras" / "input-96x64.png", folder / "images" / "e1.png")
    extras = folder / "cases" / "extras"
    extras.mkdir()
    shutil.copy(DATA / "oracle-extras" / "by-2-lanczos.png", extras / "image_0.png")
    request = {"upscaling_resize": 2, "upscaler_1": "Lanczos"}
    job = {"id": "extras", "kind": "extras", "images": ["images/e1.png"], "request": request, "options": {}}
    (extras / "case.json").write_text(json.dumps(job), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def bench(host, models):
    folders = {"checkpoints": models.files.checkpoints, "upscale_models": models.files.upscale_models}
    return parity_run.Bench(host, folders)


def tampered(shelf, name, case_id):
    """A copy of a case under another folder and the same shelf, to be changed."""
    folder = shelf / name / "cases" / case_id
    shutil.copytree(shelf / "cases" / case_id, folder)
    for shared in ("embeddings", "images"):
        (shelf / name / shared).symlink_to(shelf / shared, target_is_directory=True)
    return folder


def run(bench, folder):
    (case,) = discover(folder)
    return bench.run(case)


@pytest.fixture(scope="module")
def outcomes(shelf, bench):
    """Both cases run; nothing is left in the host's folders."""
    folders = [bench.host.base / name for name in ("input", "output")]
    before = [set(folder.iterdir()) for folder in folders]
    found = [bench.run(case) for case in discover(shelf)]
    assert [set(folder.iterdir()) for folder in folders] == before
    return found


def test_recorded_cases_pass_with_injected_and_with_encoded_prompts(outcomes):
    extras, latent = outcomes
    assert extras.ok, extras.reason
    assert extras.encoded is None
    assert extras.main.measured.stages == {"image": 0.0}
    assert latent.ok, latent.reason
    expected = {"first.noise", "first.sigmas", "first.latent", "hr.init", "hr.noise", "hr.sigmas", "hr.latent"}
    for variant in (latent.main, latent.encoded):
        assert set(variant.measured.stages) == expected
        assert variant.measured.psnr > 60


ARRAYS = {
    "first.noise": "first.noise", "first.sigmas": "first.call_sigma", "first.latent": "first.latent",
    "hr.init": "hr.init", "hr.sigmas": "hr.sigmas", "hr.latent": "hr.latent",
}  # fmt: skip
"""Stage -> the recorded array that it is compared with."""


def test_a_tampered_recording_fails_at_its_stage_by_as_much_as_it_was_changed(shelf, bench):
    changed = tampered(shelf, "tampered", "latent")
    changes = {stage: 0.001 * number for number, stage in enumerate(ARRAYS, start=1)}
    tensors = load_file(changed / "tensors.safetensors")
    for stage, change in changes.items():
        tensors[f"it0.{ARRAYS[stage]}"] *= 1 + change
    save_file(tensors, changed / "tensors.safetensors")
    brighter(changed)
    outcome = run(bench, changed.parent)
    assert not outcome.ok
    assert [found.split()[0] for found in outcome.main.measured.beyond()] == [*ARRAYS, "picture"]
    assert "dB" in outcome.reason
    for stage, change in changes.items():
        assert outcome.main.measured.stages[stage] == pytest.approx(change, rel=0.1)


def brighter(case):
    with Image.open(case / "image_0.png") as picture:
        picture.point(lambda level: min(255, level + 3)).save(case / "image_0.png")


def test_a_tampered_picture_of_the_extras_tab_fails(shelf, bench):
    changed = tampered(shelf, "tampered-picture", "extras")
    brighter(changed)
    outcome = run(bench, changed.parent)
    assert not outcome.ok
    assert "image" in outcome.reason


def test_a_changed_request_fails(shelf, bench):
    """The recording is right and the job is another one: what the pack makes of it must show."""
    changed = tampered(shelf, "another-filter", "extras")
    job = json.loads((changed / "case.json").read_text(encoding="utf-8"))
    job["request"]["upscaler_1"] = "Nearest"
    (changed / "case.json").write_text(json.dumps(job), encoding="utf-8")
    outcome = run(bench, changed.parent)
    assert not outcome.ok
    assert outcome.main.measured.stages["image"] > 0.1


def test_refused_failed_and_unknown_settings(shelf, bench):
    answers = {}
    changes = {
        "tiling": {"options": {"tiling": True}},
        "unknown": {"options": {"made_up_option": 0.5}},
        "sampler": {"effective": {"sampler_name": "No such sampler"}},
    }
    for name, change in changes.items():
        changed = tampered(shelf, f"changed-{name}", "latent")
        job = json.loads((changed / "case.json").read_text(encoding="utf-8"))
        for group, values in change.items():
            job[group].update(values)
        (changed / "case.json").write_text(json.dumps(job), encoding="utf-8")
        answers[name] = run(bench, changed.parent)
    assert answers["tiling"].ok
    assert "refused on purpose" in answers["tiling"].reason
    assert not answers["unknown"].ok
    assert answers["unknown"].reason == "not mapped: made_up_option=0.5"
    assert not answers["sampler"].ok
    assert "No such sampler" in answers["sampler"].reason


def test_the_report(outcomes):
    outcomes = copy.deepcopy(outcomes)
    outcomes[0].main.measured.stages["image"] = float("inf")
    extras, latent = json.loads(json.dumps(parity_report.as_json(outcomes), allow_nan=False))["cases"]
    assert (extras["id"], extras["stages"]) == ("extras", {"image": None})
    assert latent["ok"] is True
    assert latent["stages"]["hr.latent"] < 1e-4
    assert latent["encoded"]["psnr"] > 60
    lines = parity_report.table(outcomes).splitlines()
    assert len(lines) == 4
    assert lines[2].split()[:2] == ["latent", "injected"]
