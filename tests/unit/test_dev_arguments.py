"""The command line of `dev.py`, and what each script gets of it."""

import pytest
from hires_pack import dev


def handed_over(*arguments: str) -> list[str]:
    """What the script gets."""
    return dev.handed_over(dev.parser().parse_args(arguments))


def test_quality_hands_over_what_was_given_and_nothing_else() -> None:
    assert handed_over("quality") == []
    given = [
        "--json",
        "out.json",
        "--jobs",
        "3",
        "--seeds",
        "10",
        "--only",
        "hires",
        "--models",
        "a.pth",
        "b.safetensors",
    ]
    assert handed_over("quality", *given) == given
    assert handed_over("quality", "--pinned", "--comfyui", "somewhere") == []


def test_other_commands_hand_over_as_before() -> None:
    assert handed_over("bench", "upscale", "--only", "a", "b", "--pairs", "2") == (
        ["upscale", "--pairs", "2", "--only", "a", "b"]
    )
    assert handed_over("parity", "--cases", "x", "--only", "one", "--table") == (
        ["--cases", "x", "--table", "--only", "one"]
    )
    assert handed_over("demo", "--keep", "--checkpoint", "c", "--server", "s") == (
        ["--server", "s", "--checkpoint", "c", "--keep"]
    )
    assert handed_over("test", "--", "-k", "name") == ["-k", "name"]


def test_quality_knows_its_halves(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        dev.parser().parse_args(["quality", "--only", "nothing"])
    assert "upscalers" in capsys.readouterr().err
