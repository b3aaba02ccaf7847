"""Drive the editor as a stranger does, and write down what they meet: see the room's description."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from ...tests.frontend.conftest import QUIET
from ...tests.frontend.reading import WINDOWS
from ..host import browser as browsers
from ..host import frontends
from ..host.comfyui_host import ComfyUIHost
from ..mount import ROOT
from . import openings, profile, report, searches

BOX = "Hires Fix (pixel)"
"""Of the boxes, the one that is gone from to a picture; its file may go on with other words that find it."""


def main() -> int:
    """Write report.md, report.json and the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "output" / "first-sight", help="where they go")
    parser.add_argument("--pack", type=Path, default=ROOT, help="a checkout of another version of the pack")
    parser.add_argument("--frontends", nargs="+", default=[profile.BUNDLED, frontends.NEWEST_TRIED], metavar="VERSION")
    parser.add_argument("--windows", nargs="+", choices=WINDOWS, default=list(WINDOWS))
    parser.add_argument("--only", nargs="+", choices=("templates", "nodes-2", "box", "searches"), metavar="PART")
    parser.add_argument("--names", nargs="+", metavar="TEMPLATE", help="only these (default: all)")
    options = parser.parse_args()
    program = browsers.find()
    if program is None:
        print(browsers.MISSING)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    done = Report(options)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=QUIET)
        for version in options.frontends:
            with profile.machine(version, options.pack) as host:
                done.of(browser, host, version)
        browser.close()
    return 0


class Report:
    """What was found so far; written again after everything that is added."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.parts = options.only or ("templates", "nodes-2", "box", "searches")
        self.openings: list[openings.Opening] = []
        self.searches: dict[str, dict[str, list[searches.Rank]]] = {"templates": {}, "nodes": {}}
        workflows = sorted((options.pack / "workflows").glob("*.json"))
        self.names = [path.stem for path in workflows if not options.names or path.stem in options.names]
        definitions = json.loads((options.pack / "hires" / "graph" / "node_defs.json").read_text(encoding="utf-8"))
        nodes = {one["display_name"] for name, one in definitions["nodes"].items() if name.startswith("HiresFix")}
        boxes = {path.stem for path in (options.pack / "subgraphs").glob("*.json")}
        self.nodes = nodes | boxes
        (self.box,) = (name for name in boxes if name.partition(" - ")[0] == BOX)

    def of(self, browser: Browser, host: ComfyUIHost, version: str) -> None:
        """Everything that is asked for on one frontend."""
        for window in self.options.windows:
            for part, nodes_2 in (("templates", False), ("nodes-2", True)):
                if part not in self.parts:
                    continue
                with profile.page(browser, host, WINDOWS[window], self.options.out) as editor:
                    # the first window of the classic editor is the one in which templates are run
                    run = not nodes_2 and window == self.options.windows[0]
                    for one in openings.openings(editor, self.names, version, window, nodes_2, run):
                        self.openings.append(one)
                        self.write()
            if "box" in self.parts:
                with profile.page(browser, host, WINDOWS[window], self.options.out) as editor:
                    self.openings.append(openings.box(editor, self.box, "hires fix", version, window))
        if "searches" in self.parts:
            with profile.page(browser, host, WINDOWS["full-hd"], self.options.out) as editor:
                self.searches["templates"][version] = searches.search_templates(editor, {*self.names})
                self.searches["nodes"][version] = searches.search_nodes(editor, self.nodes)
        self.write()

    def write(self) -> None:
        """report.md and report.json."""
        lines = ["# First sight", "", *report.openings_table(self.openings)]
        for what, found in self.searches.items():
            if found:
                lines += ["", f"## Search of {what}: the first of ours", "", *report.search_table(dict(found))]
        content = {
            "openings": [asdict(one) for one in self.openings],
            "searches": {
                what: {version: [asdict(one) for one in ranks] for version, ranks in found.items()}
                for what, found in self.searches.items()
            },
        }
        (self.options.out / "report.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (self.options.out / "report.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
