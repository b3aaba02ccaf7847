"""Workflows that were saved before, as the editor and the API kept them: they mean what they meant then."""

import json
from pathlib import Path

import pytest
from hires_pack.hires.graph import definitions

SAVED = json.loads((Path(__file__).resolve().parents[1] / "data" / "saved-before" / "a9225db.json").read_text("utf-8"))


@pytest.mark.parametrize("kind", SAVED["widgets"])
def test_values_that_the_editor_kept_by_position_reach_their_inputs(kind):
    """The API's file of the same workflow says which they were; later inputs get their default, as the editor does."""
    saved, definition = SAVED["widgets"][kind], definitions.load()[kind]
    values, found = list(saved["widgets_values"]), {}
    for entry in definition.inputs:
        if entry.is_widget and values:
            found[entry.name] = values.pop(0)
            if entry.companion not in (None, definitions.UPLOAD):
                values.pop(0)
    assert not [value for value in values if value != definitions.UPLOAD]
    assert {name: value for name, value in found.items() if name not in saved["linked"]} == saved["inputs"]
    for name, value in found.items():
        assert definition.input(name).checked(value) == value


def test_everything_that_is_required_was_there_before():
    """The server fills in nothing: an input that is new and required would stop every graph that was saved."""
    for graph in SAVED["graphs"].values():
        for node in graph.values():
            definition = definitions.load().get(node["class_type"])
            if definition and definition.pack == "hires-fix":
                required = {entry.name for entry in definition.inputs if not entry.optional}
                assert required <= set(node["inputs"]), node["class_type"]
