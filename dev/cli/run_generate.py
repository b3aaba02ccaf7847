"""Make everything that is generated from the nodes and recipes. Used by `dev.py generate`.

In this order, as each is made from those before: hires/graph/node_defs.json, the tables of the help pages and the
locale, the README's tables, workflows/ and subgraphs/, drawings that are missing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...recipes import library
from .. import command_line
from ..generate import build_workflows, files, help_pages, help_pictures, readme, record_node_defs, registry_pictures
from ..generate.files import GenerateError
from ..host import real_host
from ..host.comfy_client import ClientError, ComfyClient
from ..host.comfyui_host import ComfyUIHost, HostError

if TYPE_CHECKING:
    from ...nodes.registry import Listed


def main() -> int:
    """Write what is stale, or only say so; returns the exit status: 1 where something is stale or cannot be made."""
    options = command_line.parse(sys.argv[1:])
    try:
        if options.server:
            problems = generate(ComfyClient(options.server), options)
        else:
            print("starting ComfyUI …", flush=True)
            with ComfyUIHost(env={"OMP_NUM_THREADS": "1"}) as host:
                problems = generate(ComfyClient(host.url), options)
    except (GenerateError, HostError, ClientError) as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    for problem in problems:
        print(problem)
    done = "run: python3 dev.py generate" if options.check else "made anew"
    print(f"{len(problems)} files; {done}" if problems else "nothing is stale")
    return 1 if problems and options.check else 0


def generate(client: ComfyClient, options: argparse.Namespace) -> list[str]:
    """Return what was stale; it is written unless `options.check`."""
    info = client.object_info()
    recorded = record_node_defs.recorded(info, client.system_stats()["system"]["comfyui_version"])
    old = json.loads(record_node_defs.TARGET.read_text(encoding="utf-8"))
    if not options.breaking and (breaking := record_node_defs.breaking_changes(old, recorded)):
        raise GenerateError("\n  ".join(["Nothing was written: saved workflows would break.", *breaking]))
    if old["nodes"] == recorded["nodes"]:
        recorded = old  # with the versions at the time of the recording
    nodes = list_of_nodes()
    pages = help_pages.generated(info, {name: listed.a1111 for name, listed in nodes.items()})
    made = pages | {record_node_defs.TARGET: record_node_defs.render(recorded)}
    problems = files.stale(made, help_pages.present())
    if not options.check:
        files.write(made)  # a page without a node stays: it was written by hand
    # the recipes read node_defs.json, so they come after it
    titles = {name: info[name]["display_name"] for name in nodes}
    workflows = build_workflows.generated() | registry_pictures.generated()
    workflows |= readme.generated(titles, nodes, library.WORKFLOWS, library.APPS)
    problems += files.stale(workflows, build_workflows.present())
    if not options.check:
        files.write(workflows, build_workflows.present())
    return problems + help_pictures.draw_missing(options.check) + build_workflows.draw_missing(options.check)


def list_of_nodes() -> Mapping[str, Listed]:
    """What the nodes say of themselves beyond what a server tells."""
    real_host.start()
    from ...nodes.registry import NODES  # after ComfyUI's modules are on the path

    return NODES
