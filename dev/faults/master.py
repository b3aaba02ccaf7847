"""One run of a job by workers, in a process of its own that may be killed: what is there already is left alone."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import torch

from ...hires.plan.upscale import UpscaleRequest
from ...hires.tiles.settings import TileSettings
from ...machines.dask_pool import open_pool
from ...machines.entries import Entry
from ...machines.file_upscale import FileUpscale
from ...machines.handing_out import HandingOut
from ...machines.jobs import ModelFile, code_digest, do_job, job_of, settled_for_all
from ...machines.models import ModelStore, sha256_of
from ...machines.pool import Pool
from ...machines.windows import WindowHelpers
from ...pictures.formats.tiff.write import TiffLayout
from ...pictures.source import open_source
from ...pictures.streams.file import stream_picture
from ...pictures.streams.journal import Journal
from ...pictures.streams.pieces import Marks, Piece
from ...pictures.write import complete_or_absent
from ...upscale_models import CpuRuntime, Runtime

TILES = TileSettings(512, 8, "float32")


def main() -> int:
    options = _parser().parse_args()
    torch.set_num_threads(1)
    path = Path(options.model)
    model, store = ModelFile(path.name, sha256_of(path), path.stat().st_size), ModelStore([path.parent])
    request = UpscaleRequest(store.load(model), 2.0, False, tiles=TILES)
    with _pool(options, model, path) as pool:
        (_folder if options.job == "folder" else _windows)(options, request, model, store, pool)
    return 0


@contextmanager
def _pool(options: argparse.Namespace, model: ModelFile, path: Path) -> Iterator[Pool | None]:
    if not options.scheduler:
        yield None
        return
    from .watch import Watch

    pool = open_pool(Entry("faults", 0, 0, options.scheduler, options.ca, options.certificate, options.key), [])
    pool._client.register_plugin(Watch(options.pieces, options.poison, options.delay))
    for remark in pool.meet([model], [path]):
        print(remark, flush=True)
    yield pool
    pool.close()


def _folder(
    options: argparse.Namespace, request: UpscaleRequest, model: ModelFile, store: ModelStore, pool: Pool | None
) -> None:
    target, code = Path(options.target), code_digest()
    settled = settled_for_all(request, _runtimes, 8)
    sources = [one for one in sorted(Path(options.source).iterdir()) if not (target / one.name).exists()]

    def job(path: Path) -> dict:
        return job_of(path, request, [asdict(model)], settled, "png", 8, 95, False)

    def write(path: Path, data: bytes) -> None:
        with complete_or_absent(target / path.name) as file:
            file.write(data)
        _note(options, path.name)

    if pool is None:
        for path in sources:
            write(path, do_job(job(path), store.load, _runtimes)["data"])
        return
    handing = HandingOut(pool, "upscale", lambda: None)
    for one in handing.results(sources, lambda path: (job(path), code)):
        write(one.item, (one.answer or do_job(job(one.item), store.load, _runtimes))["data"])
    print(handing.tallies, handing.remarks, flush=True)


def _windows(
    options: argparse.Namespace, request: UpscaleRequest, model: ModelFile, store: ModelStore, pool: Pool | None
) -> None:
    (path,) = Path(options.source).iterdir()
    target = Path(options.target) / f"{path.name}.tif"
    if target.exists():
        return
    helpers = WindowHelpers(pool, {model.name: asdict(model)}, lambda: None) if pool else None
    with open_source(path) as source:
        upscale = FileUpscale(source, request, 8, False, _runtimes, helpers=helpers)

        def pieces(marks: Marks) -> Iterator[Piece]:
            for piece in upscale.pieces(marks, Journal(target).kept, upscale.facts.depth):
                _note(options, str(piece.box))
                yield piece

        layout = TiffLayout(*upscale.plan.size, source.channels, upscale.facts)
        stream_picture(target, layout, {"tiles": asdict(TILES)}, pieces)
    if helpers:
        print(helpers.handing.tallies, helpers.handing.remarks, flush=True)


def _note(options: argparse.Namespace, name: str) -> None:
    with open(options.log, "a") as file:
        file.write(f"{time.time()} {name}\n")


def _runtimes(count: int) -> list[Runtime]:
    return [CpuRuntime() for _ in range(count)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", choices=["folder", "windows"])
    for name in ("source", "target", "model", "log", "pieces", "poison"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--scheduler", default="", help="without: by this process alone")
    for name in ("ca", "certificate", "key"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--delay", type=float, default=0.0)
    return parser
