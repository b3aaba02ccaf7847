"""Write the tables of the help pages (web/docs) and the English locale files from the nodes of a running ComfyUI.

python dev/mount.py dev.generate.build_help --server URL            write them
python dev/mount.py dev.generate.build_help --server URL --check    say which file is stale, change nothing

The text around the tables is written by hand. A page's pictures come from dev/generate/help_pictures.py.
"""

from __future__ import annotations

import argparse
import sys
import urllib.error

from .. import mount


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Write the tables of the help pages and the locale files.")
    parser.add_argument("--server", default="http://127.0.0.1:8188", help="address of the running ComfyUI")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when a file is stale")
    arguments = parser.parse_args()
    pages = mount.module("dev.generate.help_pages")
    record = mount.module("dev.generate.record_node_defs")
    try:
        files = pages.generated(record.fetch(arguments.server, "/object_info"))
    except (pages.HelpError, record.RecordingError, urllib.error.URLError) as error:
        print(f"no help pages: {error}", file=sys.stderr)
        return 1
    problems = pages.stale(files)
    if arguments.check:
        for problem in problems:
            print(f"{problem}; run: python dev/mount.py dev.generate.build_help", file=sys.stderr)
        return 1 if problems else 0
    pages.write(files)
    print(f"wrote {len(files)} files")
    return 0
