"""What the registry is told of a version, and what keeps a checkout from being published."""

import re

import pytest
import tomllib
from hires_pack.dev.mount import ROOT
from hires_pack.dev.release import PLACEHOLDER, ReleaseError, changes_of, check_tag, filled_in

PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
VERSION = tomllib.loads(PROJECT)["project"]["version"]
CHANGELOG = "# Changelog\n\n## 1.1.0\n\n### Added\n\n- new\n\n## 1.0.0, a day\n\nold\n"


def test_the_owner_is_all_that_is_filled_in():
    done = tomllib.loads(filled_in(PROJECT, "me", "someone/a-fork.of-it"))
    before = tomllib.loads(PROJECT)
    assert done["tool"]["comfy"].pop("PublisherId") == "me"
    assert before["tool"]["comfy"].pop("PublisherId") == ""
    urls = [*done["project"]["urls"].values(), done["tool"]["comfy"]["Icon"], done["tool"]["comfy"]["Banner"]]
    assert all("/someone/a-fork.of-it" in url for url in urls)
    assert str(done).replace("someone/a-fork.of-it", PLACEHOLDER) == str(before)


@pytest.mark.parametrize(
    ("publisher", "repository", "said"),
    [("", "a/b", "no publisher id"), (" ", "a/b", "no publisher id"), ("me", "https://x/a/b", "expected owner/name")],
)
def test_without_an_owner_nothing_is_filled_in(publisher, repository, said):
    with pytest.raises(ReleaseError, match=said):
        filled_in(PROJECT, publisher, repository)


def test_a_publisher_cannot_change():
    done = filled_in(PROJECT, "me", "a/b")
    assert filled_in(done, "me", "a/b") == done
    with pytest.raises(ReleaseError, match="another PublisherId than 'you'"):
        filled_in(done, "you", "a/b")


def test_the_changelog_of_a_version_is_its_section():
    assert changes_of(CHANGELOG, "1.1.0") == "### Added\n\n- new\n"
    assert changes_of(CHANGELOG, "1.0.0") == "old\n"
    for version in ("1.1", "1.0.1", "0"):
        with pytest.raises(ReleaseError, match=f"no section '## {version}'"):
            changes_of(CHANGELOG, version)


def test_a_tag_names_the_version():
    check_tag("v1.0.0", "1.0.0")
    check_tag("", "1.0.0")
    with pytest.raises(ReleaseError, match=re.escape("'v1.0.1' and the version in pyproject.toml '1.0.0'")):
        check_tag("v1.0.1", "1.0.0")


def test_this_version_has_a_changelog():
    text = changes_of((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), VERSION)
    assert "### Upgrading" in text
