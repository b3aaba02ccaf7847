"""What the server's folder is furnished with where the account may make no symbolic links."""

import os
from types import SimpleNamespace

import pytest
from hires_pack.dev.host import comfyui_host


@pytest.fixture
def pack(tmp_path):
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").touch()
    (tmp_path / "model.pth").write_bytes(b"weights")
    return tmp_path / "pack"


def furnished(pack, **options):
    base = pack.parent / "base"
    models = {"checkpoints": [pack.parent / "model.pth"]}
    host = comfyui_host.ComfyUIHost(base=base, pack=False, extra_packs=[pack], models=models, **options)
    host._furnish()
    return base / "custom_nodes" / "pack", base / "models" / "checkpoints" / "model.pth"


def test_links_are_made_anew_each_time(pack):
    for content in (b"weights", b"others"):
        (pack.parent / "model.pth").write_bytes(content)
        folder, file = furnished(pack)
        assert folder.is_symlink()
        assert (folder / "__init__.py").is_file()
        assert file.is_symlink()
        assert file.read_bytes() == content


@pytest.fixture
def no_links(monkeypatch):
    def refuse(*_, **__):
        raise OSError(22, "A required privilege is not held by the client")

    monkeypatch.setattr(comfyui_host.Path, "symlink_to", refuse)


def test_a_folder_becomes_a_junction_and_a_file_a_copy(pack, monkeypatch, no_links):
    # stands in for Windows' own call, whose junctions can be taken away by unlink, too
    junctions = SimpleNamespace(CreateJunction=lambda target, link: os.symlink(target, link))
    monkeypatch.setattr(comfyui_host, "_winapi", junctions)
    for content in (b"weights", b"others"):
        (pack.parent / "model.pth").write_bytes(content)
        folder, file = furnished(pack)
        assert (folder / "__init__.py").is_file()
        assert not file.is_symlink()
        assert file.read_bytes() == content


def test_elsewhere_the_reason_is_told(pack, monkeypatch, no_links):
    monkeypatch.setattr(comfyui_host, "_winapi", None)
    with pytest.raises(OSError, match="privilege"):
        furnished(pack)
