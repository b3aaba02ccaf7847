"""`dev.py quality`: what it refuses before it measures, and that a report is there whole or not at all."""

import shutil
from pathlib import Path

import pytest
from hires_pack.dev.cli import run_quality
from hires_pack.dev.report_file import ReportError
from hires_pack.upscale_models import UpscalerError

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def quality(monkeypatch):
    """The script, which finds its neighbours as a script does; it measures nothing."""
    script = run_quality
    monkeypatch.setattr(script, "measure", lambda _: {"hires_wins": 3})
    return script


@pytest.fixture
def run(quality, monkeypatch):
    """Run it with these arguments; its exit status."""

    def main(*arguments):
        monkeypatch.setattr("sys.argv", ["run_quality.py", "quality", *map(str, arguments)])
        return quality.main()

    return main


def raising(problem):
    def measure(_):
        raise problem

    return measure


@pytest.mark.parametrize("place", ["folder", "file/report.json"])
def test_where_no_report_can_be_is_said_before_anything_is_measured(quality, run, tmp_path, monkeypatch, capsys, place):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.setattr(quality, "measure", raising(AssertionError("measured")))
    assert run("--json", tmp_path / place) == 1
    assert "--json" in capsys.readouterr().err


def test_a_model_that_fails_is_said_and_leaves_the_old_report(quality, run, tmp_path, monkeypatch, capsys):
    file = tmp_path / "report.json"
    file.write_text("old")
    monkeypatch.setattr(quality, "measure", raising(UpscalerError("'x' made values that are not numbers.")))
    assert run("--json", file) == 1
    assert "'x' made values that are not numbers." in capsys.readouterr().err
    assert file.read_text() == "old"


@pytest.mark.parametrize("folder", ["upscale_models/weights", "dev/demo/trained"])
def test_changed_weights_are_not_measured_as_the_shipped_ones(quality, tmp_path, folder):
    copies = shutil.copytree(ROOT / folder, tmp_path / "weights")
    said = quality.training_of(copies)
    assert said.keys() == {file.name for file in copies.glob("*.safetensors")}
    assert all(float(one["minutes"].split()[0]) > 0 and one["seed"] for one in said.values())
    for file in sorted(copies.glob("*.safetensors")):
        content = file.read_bytes()
        for changed in (content[:-1] + bytes([content[-1] ^ 1]), content[:1000]):
            file.write_bytes(changed)
            with pytest.raises(ReportError, match=rf"{file.name} is damaged or was changed"):
                quality.training_of(copies)
        file.write_bytes(content)
