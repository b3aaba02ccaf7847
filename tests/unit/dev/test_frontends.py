"""Frontends from the package index: fetched once, found again, refused with a sentence."""

import zipfile

import pytest
from hires_pack.dev.host import frontends
from hires_pack.dev.host.steps import PreparationError

pytestmark = pytest.mark.slow  # pip is asked

PACKAGE = "comfyui_frontend_package"


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A package index with two versions; returns its folder."""
    folder = tmp_path / "index"
    folder.mkdir()
    for version in ("9.1.2", "9.10.0"):
        about = f"{PACKAGE}-{version}.dist-info"
        with zipfile.ZipFile(folder / f"{PACKAGE}-{version}-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{PACKAGE}/static/index.html", version)
            wheel.writestr(f"{PACKAGE}/static/assets/editor.js", "")
            wheel.writestr(f"{PACKAGE}/static/assets/editor.js.map", "")
            wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {version}\n")
            wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{about}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setattr(frontends, "FOLDER", tmp_path / "frontends")
    return folder


def test_a_version_is_unpacked_once(index):
    folder = frontends.ensure("9.1.2")
    assert folder.name == "9.1.2"
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*")) == ["assets/editor.js", "index.html"]
    for wheel in index.iterdir():
        wheel.unlink()
    assert frontends.ensure("9.1.2") == folder


def test_the_newest_is_known_by_its_number(index):
    assert frontends.ensure("newest").name == "9.10.0"


def test_what_the_index_does_not_have_is_refused_in_a_sentence(index):
    with pytest.raises(PreparationError, match=r"The frontend 9\.9\.9 cannot be had: pip found no comfyui"):
        frontends.ensure("9.9.9")
    with pytest.raises(PreparationError, match=r"a number such as 1\.58\.1, or newest: not ../../etc"):
        frontends.ensure("../../etc")
    assert not [path for path in frontends.FOLDER.iterdir() if path.is_dir()]
