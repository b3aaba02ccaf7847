"""The command line of `dev.py`: started as a process with what no run needs an environment for, and what is read."""

import subprocess
import sys
from pathlib import Path

import pytest
from hires_pack.dev import command_line

ROOT = Path(__file__).resolve().parents[3]
COMMANDS = [
    "demo", "test", "parity", "bench sampling", "bench upscale", "bench streaming", "bench redraw", "quality",
    "fuzz", "generate", "api",
]  # fmt: skip


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    """Run the front door of a copy that has nothing but the scripts, by a Python without packages."""
    home = tmp_path_factory.mktemp("checkout")
    for file in [ROOT / "dev.py", ROOT / "__init__.py", *(ROOT / "dev").rglob("*.py")]:
        copy = home / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())

    def run(*arguments):
        command = [sys.executable, "-I", "-S", str(home / "dev.py"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert not (home / ".host").exists(), "it began to make an environment"
        return done

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("demo", "--comfyui --pinned --server --checkpoint --keep"),
        ("test", "--comfyui --pinned --fast --frontend pytest"),
        ("parity", "--comfyui --pinned --cases --json --only --jobs --table"),
        ("generate", "--comfyui --pinned --check --server --breaking"),
        ("bench", "sampling upscale streaming redraw"),
        ("bench sampling", "--comfyui --pinned --json --pairs --threads"),
        ("bench upscale", "--comfyui --pinned --json --pairs --threads --only swinir"),
        ("bench streaming", "--comfyui --pinned --json --sizes --whole-up-to --folder"),
        (
            "bench redraw",
            "--comfyui --pinned --json --threads --seeds --size --steps --strength --narrow --pictures",
        ),
        ("quality", "--comfyui --pinned --json --models --seeds --jobs --only"),
        ("api", "--comfyui --pinned --requests --threads --described --kill --seed --json"),
        ("fuzz", "--comfyui --pinned --minutes --prompts --seed --findings --replay"),
    ],
)
def test_help_is_complete_and_needs_nothing(dev, command, options):
    done = dev(*command.split(), "--help")
    assert done.returncode == 0, done.stderr
    assert f"usage: dev.py {command} " in done.stdout
    for option in options.split():
        assert option in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("bench sampling --pairs -1", "argument --pairs: a whole number, at least 1, is needed, not -1"),
        ("bench sampling --pairs 0", "argument --pairs: a whole number, at least 1, is needed, not 0"),
        ("bench sampling --only x", "unrecognized arguments: --only x"),
        ("bench upscale --threads 0", "argument --threads: a whole number, at least 1, is needed, not 0"),
        ("bench upscale --only nothing", "argument --only: invalid choice: 'nothing'"),
        ("bench redraw --strength 0", "argument --strength: a number above 0, at most 1, is needed, not 0"),
        ("bench streaming --pairs 3", "unrecognized arguments: --pairs 3"),
        ("bench streaming --sizes 100", "argument --sizes: a multiple of 64 is needed, not 100"),
        ("bench streaming --folder none", "argument --folder: there is no folder none"),
        ("parity", "--cases DIR is needed"),
        ("parity --cases x --jobs none", "argument --jobs: a whole number, at least 1, is needed, not none"),
        ("quality --only nothing", "argument --only: invalid choice: 'nothing'"),
        ("quality --seeds=-1", "argument --seeds: a whole number, at least 1, is needed, not -1"),
        ("quality --jobs 1.5", "argument --jobs: a whole number, at least 1, is needed, not 1.5"),
        ("quality --models none.pth", "argument --models: there is no file none.pth"),
        ("quality -- --only hires", "unrecognized arguments: --only hires"),
        ("fuzz --minutes 0", "argument --minutes: a number above 0 is needed, not 0"),
        ("fuzz --minutes nan", "argument --minutes: a number above 0 is needed, not nan"),
        ("fuzz --prompts 0", "argument --prompts: a whole number, at least 1, is needed, not 0"),
        ("fuzz --replay none.json", "argument --replay: there is no file none.json"),
        ("demo --checkpoint mine.safetensors", "--server and --checkpoint go together"),
        ("demo --server http://there", "--server and --checkpoint go together"),
        ("demo --server notaurl --checkpoint x", "an address that begins with http:// or https:// is needed, not nota"),
        ("demo --server http://there --checkpoint x --keep", "--keep is about the demo's own server"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_prepared(dev, arguments, said):
    done = dev(*arguments.split())
    assert done.returncode == 2
    command = next(name for name in COMMANDS if arguments.startswith(name))
    assert done.stderr.startswith(f"usage: dev.py {command} ")
    assert f"dev.py {command}: error: " in done.stderr
    assert said in done.stderr


@pytest.mark.parametrize(
    ("arguments", "passed_on"),
    [
        ("", []),
        ("-k latent", ["-k", "latent"]),
        ("-- -k latent", ["-k", "latent"]),
        ("tests/unit -x --co", ["tests/unit", "-x", "--co"]),
        ("--pinned -k latent --comfyui somewhere -- -h tests/unit", ["-k", "latent", "-h", "tests/unit"]),
        ("-k latent -- -- x", ["-k", "latent", "--", "x"]),
    ],
)
def test_pytest_gets_what_is_not_our_own(arguments, passed_on):
    options = command_line.parse(["test", *arguments.split()])
    assert options.pytest_arguments == passed_on
    assert (options.dev, options.browser) == (True, True)


def test_the_fast_tests_need_no_browser():
    options = command_line.parse(["test", "--fast", "-k", "latent"])
    assert options.pytest_arguments == ["-k", "latent"]
    assert (options.dev, options.browser) == (True, False)


def test_what_is_not_given_has_a_default():
    quality = command_line.parse(["quality"])
    assert (quality.seeds, quality.jobs, quality.models, quality.json) == (100, None, [], None)
    assert 1 <= command_line.parse(["parity", "--table"]).jobs <= 4
    upscale = command_line.parse(["bench", "upscale"])
    assert (upscale.pairs, upscale.threads, upscale.only) == (None, 1, list(command_line.UPSCALE_JOBS))
    assert command_line.parse(["bench", "redraw", "--only", "per-tile"]).only == ["per-tile"]
    assert command_line.parse(["bench", "streaming", "--sizes", "64", "128"]).sizes == [64, 128]


def test_every_script_is_there():
    for command in COMMANDS:
        words = [*command.split(), *(["--table"] if command == "parity" else [])]
        options = command_line.parse(words)
        assert (ROOT / "dev" / "cli" / f"{options.script}.py").is_file()
        assert options.dev == (command in ("test", "fuzz", "api"))
