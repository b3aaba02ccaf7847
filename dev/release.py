"""What the registry is sent besides the files: who publishes them, where they come from, and what a version brings.

Used by `.github/workflows/publish.yml`: `python dev/mount.py dev.release --publisher ID --repository OWNER/NAME` fills
in pyproject.toml and prints the changelog of its version. Standard library only.
"""

from __future__ import annotations

import argparse
import re
import sys

import tomllib

from .mount import ROOT

PLACEHOLDER = "OWNER/hires-fix"
"""Stands in pyproject.toml for the repository that a copy of it is published from."""

NO_PUBLISHER = 'PublisherId = ""'


class ReleaseError(ValueError):
    """The checkout cannot be published as it is. The message says what to change."""


def filled_in(project: str, publisher: str, repository: str) -> str:
    """Return the text of pyproject.toml with the owner's publisher id and repository ("owner/name").

    Raises ReleaseError without a publisher, for what is no repository, and if the text has no places for them.
    """
    if not publisher.strip():
        raise ReleaseError("there is no publisher id: make one at registry.comfy.org, and see CONTRIBUTING, Releasing")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise ReleaseError(f"the repository is {repository!r}; expected owner/name")
    if tomllib.loads(project)["tool"]["comfy"]["PublisherId"] not in ("", publisher):
        raise ReleaseError(
            f"pyproject.toml has another PublisherId than {publisher!r}, and the registry never changes it"
        )
    return project.replace(NO_PUBLISHER, f'PublisherId = "{publisher}"').replace(PLACEHOLDER, repository)


def changes_of(changelog: str, version: str) -> str:
    """Return what the changelog says of a version, without its heading. Raises ReleaseError if it says nothing."""
    head = rf"^## {re.escape(version)}(?![\w.])[^\n]*\n"
    section = re.search(rf"{head}(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if section is None or not section[1].strip():
        raise ReleaseError(f"CHANGELOG.md has no section '## {version}', which pyproject.toml has as the version")
    return section[1].strip() + "\n"


def check_tag(tag: str, version: str) -> None:
    """Raise ReleaseError if a release's tag names another version; no tag is right for all."""
    if tag and tag.removeprefix("v") != version:
        raise ReleaseError(
            f"the tag is {tag!r} and the version in pyproject.toml {version!r}; one of them is to change"
        )


def main(arguments: list[str] | None = None) -> int:
    """Fill in pyproject.toml and print what is new; 1 and a sentence if that cannot be."""
    parser = argparse.ArgumentParser(prog="dev.release", description="Make the checkout ready for the registry.")
    parser.add_argument("--publisher", required=True, metavar="ID", help="of registry.comfy.org")
    parser.add_argument("--repository", required=True, metavar="OWNER/NAME")
    parser.add_argument("--tag", default="", help="of the release, v and the version")
    options = parser.parse_args(arguments)
    path = ROOT / "pyproject.toml"
    try:
        project = filled_in(path.read_text(encoding="utf-8"), options.publisher, options.repository)
        version = tomllib.loads(project)["project"]["version"]
        check_tag(options.tag, version)
        changes = changes_of((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    except ReleaseError as problem:
        print(problem, file=sys.stderr)
        return 1
    path.write_text(project, encoding="utf-8", newline="\n")
    print(changes, end="")
    return 0
