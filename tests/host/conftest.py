"""One real ComfyUI for all host tests, with the generated models and the pack.

Fixtures: `host` (the server), `client` (talks to it), `models` (file names by meaning). Everything in this folder is
marked `host`. When a test fails, the end of the server's log is part of the report.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hires_pack.dev.demo.checkpoint import NAME as DEMO_CHECKPOINT
from hires_pack.dev.fixtures import library, upscalers
from hires_pack.dev.fixtures.families import FAMILIES, Family
from hires_pack.dev.host.comfy_client import ComfyClient
from hires_pack.dev.host.comfyui_host import ComfyUIHost

HERE = Path(__file__).resolve().parent
PROBE = HERE.parents[1] / "dev" / "fixtures" / "probe"

# On a busy machine two threads are several times slower than one: they wait for each other.
ENVIRONMENT = {"OMP_NUM_THREADS": "1"}

_running: list[ComfyUIHost] = []


@dataclass(frozen=True)
class Models:
    """File names as the server lists them."""

    files: library.ModelFiles
    demo: str = DEMO_CHECKPOINT
    """The SD 1.x checkpoint of `dev.py demo`, 300 MB, with text encoder."""
    oracle: str = "tiny_sd15.safetensors"
    """The checkpoint that the recorded A1111 runs were made with."""
    families: dict[str, Family] = field(default_factory=lambda: FAMILIES)
    """"sd1", "sd3", "flux", "wan", "sdxl", "sdxl-v": see dev/fixtures/families.py."""
    exact_x2: str = upscalers.EXACT[2]
    exact_x4: str = upscalers.EXACT[4]
    random_x2: str = upscalers.RANDOM[2]
    random_x4: str = upscalers.RANDOM[4]
    one_times: str = upscalers.ONE_TIMES
    esrgan_x4: str = upscalers.ESRGAN
    oracle_rrdb_x4: str = "tiny_rrdb_x4.safetensors"
    oracle_rrdb_x2: str = "tiny_rrdb_x2.safetensors"
    oracle_compact_x2: str = "tiny_compact_x2.safetensors"
    truncated: str = upscalers.TRUNCATED
    renamed: str = upscalers.RENAMED
    pickled_code: str = upscalers.PICKLED_CODE
    unknown: str = upscalers.UNKNOWN

    def family(self, name: str) -> Family:
        """A family by name, e.g. "sd3"."""
        return self.families[name]

    def checkpoint(self, family: str) -> str:
        """Checkpoint file of a family."""
        return self.family(family).file


@pytest.fixture(scope="session")
def models() -> Models:
    """Every generated model, written on first use."""
    return Models(library.ensure())


@pytest.fixture(scope="session")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder outside of ComfyUI's that its owner has added."""
    return tmp_path_factory.mktemp("registered")


@pytest.fixture(scope="session")
def host(models: Models, registered: Path) -> Iterator[ComfyUIHost]:
    """The running server; it loads this checkout as `hires-fix`, the pack of probes, and the registered folder."""
    paths = registered.with_suffix(".yaml")
    paths.write_text(f"mine:\n    hires_fix_folders: {registered}\n", encoding="utf-8")
    with start_host(models, arguments=("--extra-model-paths-config", str(paths))) as server:
        yield server


def start_host(
    models: Models, pack: bool = True, extra_packs: tuple[Path, ...] = (), arguments: tuple[str, ...] = ()
) -> ComfyUIHost:
    """Return a host, not started yet: about 13 seconds, so every one needs a reason (test_other_hosts.py)."""
    server = ComfyUIHost(
        pack=pack,
        extra_packs=[PROBE, *extra_packs],
        models={
            "checkpoints": models.files.checkpoints,
            "upscale_models": models.files.upscale_models,
            "LDSR": models.files.ldsr,
        },
        arguments=arguments,
        env=ENVIRONMENT,
    )
    _running.append(server)
    return server


@pytest.fixture
def client(host: ComfyUIHost) -> ComfyClient:
    """A client of the session's server. Fails at once if an earlier test killed the server."""
    assert host.alive, f"the server has died; the end of its log:\n{host.log_tail()}"
    return ComfyClient(host.url)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.host)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Add the end of every running server's log to a failure."""
    report = yield
    if report.failed and HERE in item.path.parents:
        for server in _running:
            if server.url:
                report.sections.append((f"last lines of the log of {server.url}", server.log_tail(40)))
    return report
