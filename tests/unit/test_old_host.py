"""A ComfyUI that is too old is told so before the nodes are built, in one sentence with both versions."""

import asyncio
import importlib.util
import logging
import sys
from types import ModuleType

import pytest
import tomllib
from hires_pack.dev.mount import ROOT


def loaded(monkeypatch, version):
    """The pack's `__init__`, loaded anew by a ComfyUI of a version; None: it does not tell."""
    monkeypatch.delitem(sys.modules, "comfyui_version", raising=False)
    if version is not None:
        host = ModuleType("comfyui_version")
        host.__version__ = version
        monkeypatch.setitem(sys.modules, "comfyui_version", host)
    spec = importlib.util.spec_from_file_location("pack_of_another_host", ROOT / "__init__.py")
    pack = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pack)
    return pack


@pytest.mark.parametrize("version", ["0.3.64", "0.29.9", "0.3.48", "v0.3.58", "0.29", "0.29.9-dev"])
def test_an_old_host_gets_one_sentence_with_both_versions(monkeypatch, caplog, version):
    pack = loaded(monkeypatch, version)
    assert pack.WEB_DIRECTORY is None  # else the editor would load scripts for nodes that are not there
    with pytest.raises(RuntimeError) as said:
        asyncio.run(pack.comfy_entrypoint())
    sentence = str(said.value)
    assert f"needs ComfyUI 0.30.0 or newer, and this is {version}: update" in sentence
    assert sentence.count(". ") == 0
    assert caplog.records == []  # the host logs what is raised


@pytest.mark.parametrize("version", ["0.3.47", "0.3.29", "0.2.7"])
def test_a_host_that_does_not_ask_for_nodes_gets_it_in_the_log(monkeypatch, caplog, version):
    with caplog.at_level(logging.ERROR):
        pack = loaded(monkeypatch, version)
    assert [record.getMessage() for record in caplog.records] == [pack.refusal(version)]


@pytest.mark.parametrize("version", ["0.30.0", "0.30.0-dev", "0.30", "0.31.2", "1.0", "1.0.0rc1", "nightly", "", None])
def test_all_others_are_let_in(monkeypatch, caplog, version):
    pack = loaded(monkeypatch, version)
    assert pack.refusal(version) is None
    assert pack.WEB_DIRECTORY == "./web"
    assert caplog.records == []


def test_the_registry_is_told_the_same_version(monkeypatch):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["comfy"]["requires-comfyui"] == f">={loaded(monkeypatch, None).OLDEST_HOST}"
