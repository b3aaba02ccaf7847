"""README and `docs/` name what is there. What a host must be asked for is compared by tests/host/test_surface.py."""

import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from hires_pack.dev.parity import differences
from hires_pack.dev.parity.http import differences as http_differences
from hires_pack.recipes import library

ROOT = Path(__file__).resolve().parents[2]
PAGES = {page.relative_to(ROOT).as_posix(): page for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"))}


def text_of(name):
    return PAGES[name].read_text(encoding="utf-8")


def table(page, name):
    return text_of(page).partition(f"<!-- {name} -->")[2].partition(f"<!-- /{name} -->")[0].strip().splitlines()


def links(name):
    """Targets of all links and pictures of a page; what stands in code is none."""
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```|`[^`\n]*`", "", text_of(name), flags=re.DOTALL))


def anchors(path):
    """What the heads of a page can be linked by."""
    heads = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_to_what_is_there(name):
    """Inside the repository alone, so that they work in every copy of it."""
    for target in links(name):
        if target.startswith("https://"):
            continue
        file, _, anchor = unquote(target).partition("#")
        path = (PAGES[name].parent / file) if file else PAGES[name]
        assert path.exists(), f"{name}: {target}"
        assert path.resolve().is_relative_to(ROOT.resolve()), f"{name}: {target}"
        assert not anchor or anchor in anchors(path), f"{name}: {target}"


def test_every_page_of_docs_can_be_reached_from_the_readme():
    reached = {unquote(target).partition("#")[0] for target in links("README.md")}
    assert {name for name in PAGES if name.startswith("docs/")} <= reached


def test_every_picture_of_docs_is_shown():
    shown = {(page.parent / unquote(target)).resolve() for name, page in PAGES.items() for target in links(name)}
    registered = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for path in (ROOT / "docs").iterdir():
        assert path.suffix == ".md" or path.resolve() in shown or f"/docs/{path.name}" in registered, path.name


def test_every_refusal_is_in_the_table():
    assert table("docs/a1111.md", "refusals") == differences.markdown().splitlines()
    assert table("docs/api.md", "differences") == http_differences.markdown().splitlines()


def test_every_node_app_and_workflow_is_listed():
    nodes = json.loads((ROOT / "hires" / "graph" / "node_defs.json").read_text(encoding="utf-8"))["nodes"]
    titles = {node["display_name"] for name, node in nodes.items() if name.startswith("HiresFix")}
    assert {row.split(" | ")[0].strip("| ") for row in table("docs/nodes.md", "nodes")[2:]} == titles
    for name, shipped in (("apps", library.APPS), ("workflows", [one.title for one in library.WORKFLOWS.values()])):
        rows = table("README.md", name)[2:]
        assert sorted(re.match(r"\| \[(.+?)\]", row)[1] for row in rows) == sorted(shipped)
    gallery = "\n".join(table("docs/workflows.md", "gallery"))
    for one in library.WORKFLOWS.values():
        assert f"![{one.title}](" in gallery


def test_the_settings_are_those_of_the_saved_workflows():
    """What the README advises for a family of models is what its workflow has."""
    rows = {row.split(" | ")[0].strip("| "): row for row in text_of("README.md").splitlines() if row.startswith("| ")}
    for slug, column in (("hires-fix-pixel", 1), ("hires-fix-sdxl", 2), ("hires-fix-flow", 3)):
        graph = json.loads((ROOT / "workflows" / "api" / f"{slug}.json").read_text(encoding="utf-8"))
        inputs = {key: value for node in graph.values() for key, value in node["inputs"].items()}
        base = next(node["inputs"] for node in graph.values() if node["class_type"] == "HiresFixBaseSampling")
        cells = {name: rows[name].strip("| ").split(" | ")[column] for name in ROWS}
        low, high = map(float, re.findall(r"[\d.]+", cells[ROWS[3]]))
        assert low <= inputs["denoising_strength"] <= high
        assert float(cells[ROWS[0]]) == inputs["hr_scale"]
        assert float(cells[ROWS[2]].partition(",")[0]) == base["cfg"]
        sampler, schedule = cells[ROWS[1]].split(", ")[:2]
        assert (sampler, schedule) == (base["sampler_name"], base["scheduler"])


ROWS = (
    "upscale by",
    "sampler, schedule, steps",
    "CFG",
    "denoising strength with ESRGAN and other models",
)
