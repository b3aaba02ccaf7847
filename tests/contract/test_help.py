"""Every node has a help page, and what the pages name is there."""

import json
import re
from pathlib import Path

import pytest
from hires_pack.dev.generate import help_drawings, help_pages
from hires_pack.hires.plan.graph import rules

ROOT = Path(__file__).resolve().parents[2]
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "web" / "docs").glob("*.md"))}
PICTURES = [path for path in sorted((ROOT / "web" / "docs").iterdir()) if path.suffix != ".md"]
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "nodes").glob("*.py"))
RECORDED = json.loads((ROOT / "hires" / "graph" / "node_defs.json").read_text(encoding="utf-8"))["nodes"]
LARGEST = 30 * 1024

TITLES = {*(node["display_name"] for node in RECORDED.values()), *re.findall(r'display_name="([A-Z][^"]+)"', SOURCES)}


def parts(text):
    """What is written by hand, and the names in the tables of inputs and of outputs."""
    tables = []
    for part in help_pages.PARTS:
        before, _, rest = text.partition(f"<!-- {part} -->")
        table, _, after = rest.partition(f"<!-- /{part} -->")
        tables.append(re.findall(r"^\| \*\*(.+?)\*\*<br>", table, re.MULTILINE))
        text = before + after
    return text, *tables


NAMES = {name for text in PAGES.values() for table in parts(text)[1:] for name in table}


def test_every_node_is_recorded_and_has_a_page_and_every_page_a_node():
    assert set(PAGES) == set(re.findall(r'node_id="(\w+)"', SOURCES))
    assert set(PAGES) == {node for node in RECORDED if node.startswith("HiresFix")}


@pytest.mark.parametrize("node", PAGES)
def test_a_page_has_all_its_parts(node):
    heads = re.findall(r"^#+ (.+)$", PAGES[node], re.MULTILINE)
    assert heads[0] in TITLES
    assert heads[1:] == ["Good values", "Common mistakes", "Inputs", "Outputs", "See also"]
    assert re.search(r"^- Connect before: .+\n- Connect after: .+$", PAGES[node], re.MULTILINE)
    assert heads[0] == RECORDED[node]["display_name"]


@pytest.mark.parametrize("node", PAGES)
def test_pages_of_nodes_with_a_badge_explain_it(node):
    has_badge = node in rules() and not rules()[node].__module__.endswith(".core_nodes")
    lines = re.findall(r"^- The badge on the node says .+ click it to read why\.$", PAGES[node], re.MULTILINE)
    assert len(lines) == has_badge


@pytest.mark.parametrize("node", PAGES)
def test_every_input_and_output_is_in_its_table(node):
    """`tests/host/test_surface.py` compares the whole tables with the live nodes."""
    _, inputs, outputs = parts(PAGES[node])
    assert {row["name"] for row in RECORDED[node]["inputs"]} <= set(inputs)
    assert {row["name"] for row in RECORDED[node]["outputs"]} <= set(outputs)


@pytest.mark.parametrize("node", PAGES)
def test_pages_name_only_what_is_there(node):
    """**Bold** is a node, `code` an input or output of some node."""
    text, _, _ = parts(PAGES[node])
    assert set(re.findall(r"\*\*(.+?)\*\*", text)) <= TITLES
    assert set(re.findall(r"`(.+?)`", text)) <= NAMES


def test_pictures_are_there_used_described_and_light():
    used = set()
    for node, text in PAGES.items():
        found = re.findall(r"!\[(.*?)\]\((.+?)\)", text)
        assert found, f"{node}.md has no picture"
        assert all(description for description, _ in found)
        used |= {name for _, name in found}
    assert used == {path.name for path in PICTURES}
    for path in PICTURES:
        assert path.stat().st_size <= LARGEST, path.name


def test_every_drawn_picture_has_a_function_and_every_function_a_picture():
    found = vars(help_drawings).items()  # those of its second file are named there, too
    own = {name for name, it in found if getattr(it, "__module__", "").startswith(help_drawings.__name__)}
    drawn = {path.stem.replace("-", "_") for path in PICTURES if path.suffix == ".png"}
    assert drawn == {name for name in own if not name.startswith("_")}


@pytest.mark.parametrize("node", PAGES)
def test_pages_have_no_links(node):
    """The editor opens a link from its own address, where no other page is."""
    assert not re.findall(r"(?<!!)\[[^\]]*\]\(", PAGES[node])
    assert "http" not in PAGES[node]


def test_the_page_for_users_of_a1111_names_only_inputs_that_have_an_a1111_name():
    page = (ROOT / "docs" / "a1111.md").read_text(encoding="utf-8")
    table = page.partition("| A1111 setting | here |")[2].partition("\n\n")[0]
    rows = [line.strip("| ").split(" | ") for line in table.strip().splitlines()[1:]]
    assert len(rows) > 20
    named = {name for _, here in rows for name in re.findall(r"`([a-z]\w+)`", here)} - {"batch_size"}  # core's
    rows = "\n".join(PAGES.values())
    assert named <= set(re.findall(r"^\| \*\*(\w+)\*\*<br>A1111: ", rows, re.MULTILINE))
