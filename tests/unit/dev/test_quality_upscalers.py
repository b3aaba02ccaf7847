"""The table of upscalers: models go through the pack's engine, gains are against Lanczos, bad files are refused."""

import json
import shutil

import numpy as np
import pytest
import torch
from hires_pack.dev.quality import agreement, remembered
from hires_pack.dev.quality import quality_upscalers as quality
from hires_pack.dev.quality.upscaler_tables import behaviour_table, comparison_table
from hires_pack.upscale_models import UnusableModelError
from PIL import Image
from safetensors.torch import save_file
from spandrel.architectures.Compact import Compact

GENERATOR = np.random.default_rng(7)


def photograph(width, height):
    """Blocks of random colours: edges and flat parts."""
    blocks = GENERATOR.integers(0, 256, (height // 6 + 1, width // 6 + 1, 3), np.uint8)
    return Image.fromarray(np.kron(blocks, np.ones((6, 6, 1), np.uint8))[:height, :width])


def write_model(path, scale, last=0.0):
    """A network in the shipped layout. Its last convolution 0: it repeats pixels."""
    torch.manual_seed(scale)
    network = Compact(num_feat=4, num_conv=2, upscale=scale)
    with torch.no_grad():
        list(network.parameters())[-2].mul_(last)
        list(network.parameters())[-1].mul_(last)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(network.state_dict(), path)
    return path


def repeated(picture, scale):
    return np.asarray(picture).repeat(scale, 0).repeat(scale, 1)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_models_enlarge_by_their_own_factor(tmp_path, scale):
    model = quality.load(write_model(tmp_path / "model.safetensors", scale))
    picture = photograph(19, 23)
    assert np.array_equal(np.asarray(quality.enlarge(model, picture)), repeated(picture, scale))


def test_tiles_make_the_same_picture(tmp_path):
    model = quality.load(write_model(tmp_path / "model.safetensors", 2, 1.0))
    picture = photograph(330, 250)
    assert not np.array_equal(np.asarray(quality.enlarge(model, picture)), repeated(picture, 2))
    assert quality.tiled_decibels(model, picture) >= 120


def test_a_way_is_compared_with_lanczos_on_the_same_photographs():
    pictures = {"one": photograph(61, 50), "two": photograph(48, 52)}
    whole = {picture.size: picture for picture in (quality.measures.cut(it, 2) for it in pictures.values())}
    ways = {
        quality.LANCZOS: lambda small: quality.lanczos(2, small),
        "perfect": lambda small: whole[small.width * 2, small.height * 2],
    }
    found = quality.compare(pictures, ways, 2, quality.CLEAN)
    assert [(row.photograph, row.way) for row in found.rows] == [
        (name, way) for name in ("one", "two") for way in ("Lanczos", "perfect")
    ]
    lanczos = [row for row in found.rows if row.way == "Lanczos"]
    assert found.mean("perfect") == (200, pytest.approx(1))
    assert found.gain("perfect") == (
        pytest.approx(200 - np.mean([row.psnr for row in lanczos])),
        pytest.approx(1 - np.mean([row.ssim for row in lanczos])),
    )
    assert found.gain("Lanczos") == (0, 0)
    assert found.gain("missing") is None
    assert quality.compare(pictures, ways, 2, quality.DEGRADED).mean("Lanczos") < found.mean("Lanczos")


def broken(path):
    data = write_model(path, 2).read_bytes()
    path.write_bytes(data[: len(data) // 2])


def foreign(path):
    save_file({"weight": torch.zeros(3)}, path)


def restoring(path):
    write_model(path, 1)


@pytest.mark.parametrize(
    ("write", "said"), [(broken, "cannot be read"), (foreign, "cannot be read"), (restoring, "factor is 1")]
)
def test_files_that_are_no_use_are_refused_in_words(tmp_path, write, said):
    path = tmp_path / "mine.safetensors"
    write(path)
    with pytest.raises(UnusableModelError, match=rf"mine\.safetensors.*{said}"):
        quality.load(path)


@pytest.fixture
def small_job(tmp_path, monkeypatch):
    """Two small photographs, and a folder for the shipped weights."""
    pictures = {"one": photograph(130, 97), "two": photograph(90, 101)}
    monkeypatch.setattr(quality, "held_back_photographs", lambda: pictures)
    monkeypatch.setattr(quality, "WEIGHTS", tmp_path / "weights")
    monkeypatch.setattr(remembered, "FOLDER", tmp_path / "remembered")
    return tmp_path


def test_figures_are_made_once_for_the_same_weights_and_picture(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(remembered, "FOLDER", tmp_path / "remembered")
    file, made = write_model(tmp_path / "model.safetensors", 2), []
    pictures = [photograph(19, 23), photograph(19, 23)]

    def asked(what="input", picture=pictures[0], weights=file):
        def make():
            made.append(what)
            return [len(made), 0.5]

        return remembered.Remembered("mine", quality.load(weights)).figures(what, picture, make)

    assert [asked(), asked()] == [[1, 0.5], [1, 0.5]]
    assert asked(picture=pictures[1]) == [2, 0.5]
    assert asked(what="other") == [3, 0.5]
    assert asked(weights=write_model(tmp_path / "other.safetensors", 2, 1.0)) == [4, 0.5]
    assert asked(weights=shutil.copy(file, tmp_path / "copy.safetensors")) == [1, 0.5]
    assert capsys.readouterr().out.count("input, mine: 0 s\n") == 3


def test_without_the_shipped_weights_their_gains_are_not_made_up(small_job, capsys):
    found = quality.upscaler_quality()
    assert {key: value for key, value in found.items() if "gain" in key} == dict.fromkeys(
        f"{kind}_gain_{suffix}" for kind in ("psnr", "ssim") for suffix in ("2x", "4x", "4x_soft")
    )
    assert "not measured: hires-fix-2x, hires-fix-4x, hires-fix-4x-soft" in capsys.readouterr().out


@pytest.mark.slow
def test_all_tables_are_printed_and_kept(small_job, capsys):
    for name, scale in (("hires-fix-2x", 2), ("hires-fix-4x", 4), ("hires-fix-4x-soft", 4)):
        write_model(small_job / "weights" / f"{name}.safetensors", scale)
    mine = write_model(small_job / "hires-fix-2x.safetensors", 3)
    again = small_job / "weights" / "hires-fix-2x.safetensors"
    others = {"published": quality.load(mine)}
    found = json.loads(json.dumps(quality.upscaler_quality([mine, again], others), allow_nan=False))
    shown = capsys.readouterr().out
    kinds = {(it["scale"], it["input"]): it["rows"] for it in found["comparisons"]}
    assert list(kinds) == [(2, "clean"), (3, "clean"), (4, "clean"), (4, "degraded")]
    assert {row["way"] for row in kinds[3, "clean"]} == {"Lanczos", "hires-fix-2x.safetensors", "published"}
    assert {row["way"] for row in kinds[4, "degraded"]} == {"Lanczos", "hires-fix-4x", "hires-fix-4x-soft"}
    rows = {(row["photograph"], row["way"]): row["psnr"] for row in kinds[2, "clean"]}
    gain = np.mean([rows[name, "hires-fix-2x"] - rows[name, "Lanczos"] for name in ("one", "two")])
    assert found["psnr_gain_2x"] == pytest.approx(gain)
    assert all(len(digest) == 64 for digest in found["models"].values())
    assert list(found["models"])[3:] == ["hires-fix-2x.safetensors", str(again)]
    models = [row for row in found["behaviour"] if row["way"] != "Lanczos"]
    assert all(row["flat_error"] == max(row["checker_outside"]) == 0 for row in models)  # they repeat pixels
    assert all(row["tiled_db"] == 200 for row in models)
    for text in ("2x, clean input", "3x, clean input", "4x, degraded input", "| hires-fix-4x-soft 4x", "**mean**"):
        assert text in shown


def test_tables_are_markdown_with_the_gain_below():
    rows = [
        ("one", "Lanczos", 30.0, 0.9),
        ("one", "ours", 31.5, 0.93),
        ("two", "Lanczos", 20, 0.8),
        ("two", "ours", 20.5, 0.79),
    ]
    comparison = quality.Comparison(2, "clean", tuple(quality.Row(*row) for row in rows))
    lines = comparison_table(comparison).splitlines()
    assert len({len(line) for line in lines[2:]}) == 1
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    assert cells[0] == ["photograph", "Lanczos", "ours"]
    assert cells[2] == ["one", "30.00 / 0.9000", "31.50 / 0.9300"]
    assert cells[4] == ["**mean**", "25.00 / 0.8500", "26.00 / 0.8600"]
    assert cells[5] == ["**beyond Lanczos**", "", "+1.00 / +0.0100"]
    behaviour = quality.Behaviour("ours", 2, 5, 1, checker_shift=1.25, checker_outside=(9, 3, 2, 0), tiled_db=None)
    last = behaviour_table([behaviour]).splitlines()[-1]
    assert [cell.strip() for cell in last.strip("|").split("|")] == ["ours 2x", "5", "1", "1.25", "9, 3, 2, 0", ""]


def test_the_hardest_part_is_where_levels_vary_most():
    picture, step = Image.new("RGB", (420, 300), (90, 90, 90)), quality.measures.STEP
    picture.paste(photograph(80, 60), (step * 5, step * 3))
    part = quality.measures.hardest(picture, 80, 60)
    assert part.size == (80, 60)
    assert np.array_equal(np.asarray(part)[0, 0], np.asarray(picture)[step * 3, step * 5])
    assert quality.measures.hardest(picture, 512, 60).size == (420, 60)


@pytest.mark.slow
def test_auto_and_half_precision_are_told_for_every_photograph(small_job, monkeypatch):
    pictures = {"one": photograph(200, 150), "two": photograph(190, 140)}
    model = quality.load(write_model(small_job / "model.safetensors", 2, 1.0))
    monkeypatch.setattr(agreement, "cpu_half_types", lambda: ())
    rows = agreement.agreements({"mine": model}, pictures)
    assert [(row.photograph, row.way) for row in rows] == [("one", "mine"), ("two", "mine")]
    assert all(row.decibels >= agreement.PROMISED and row.half >= agreement.PROMISED for row in rows)
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in
             agreement.agreement_table(rows).splitlines()[2:]]  # fmt: skip
    assert cells[0] == ["photograph", "mine"]
    assert cells[2] == ["one", f"{rows[0].decibels:.1f} / {rows[0].half:.1f}"]
    assert cells[4] == ["**least**", f"{min(row.decibels for row in rows):.1f}"]
