"""Picture files upscaled by threads and by worker processes: the same bytes as here, whatever befalls a worker."""

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import psutil
import pytest
import torch
from hires_pack.dev.fixtures import upscalers
from hires_pack.hires.plan.upscale import UpscaleRequest
from hires_pack.hires.tiles.settings import TileSettings
from hires_pack.machines import dask_pool, jobs, models, serving
from hires_pack.machines.dask_pool import open_pool
from hires_pack.machines.entries import Entry
from hires_pack.machines.handing_out import HandingOut
from hires_pack.machines.jobs import CannotTravelError, ModelFile, code_digest, do_job, job_of, settled_for_all
from hires_pack.machines.models import ModelStore, sha256_of
from hires_pack.machines.pool import PoolError
from hires_pack.machines.threads import ThreadPool
from hires_pack.machines.windows import WindowHelpers
from hires_pack.machines.workplace import DeviceRuntime, Workplace
from hires_pack.upscale_models import CLASSICAL, CpuRuntime, UpscalerError, upscale_to
from hires_pack.upscale_models.tiles.worker import Worker
from PIL import Image

CPU = torch.device("cpu")
CODE = code_digest()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Of models."""
    folder = tmp_path_factory.mktemp("models")
    upscalers.write_all(folder)
    return folder


@pytest.fixture(scope="module")
def model(folder):
    path = folder / upscalers.RANDOM[2]
    return ModelFile(path.name, sha256_of(path), path.stat().st_size)


@pytest.fixture(scope="module")
def work(tmp_path_factory, folder, model):
    """Jobs of six pictures, and what this process makes of them."""
    source, store = tmp_path_factory.mktemp("pictures"), ModelStore([folder])
    made = []
    for index in range(6):
        levels = np.random.default_rng(index).integers(0, 256, (40, 30 + index, 3), np.uint8)
        Image.fromarray(levels).save(source / f"{index}.png")
        made.append(job(source / f"{index}.png", store.load(model), asdict(model)))
    return made, [do_job(one, store.load, runtimes)["data"] for one in made]


def runtimes(count):
    return [CpuRuntime() for _ in range(count)]


def job(path, upscaler, plain, format="png", depth=0, **asked):
    request = UpscaleRequest(upscaler, 2.0, False, **asked)
    return job_of(path, request, [plain], settled_for_all(request, runtimes, depth), format, depth, 95, True)


def done_by(pool, work, after=None):
    """What a pool makes of the jobs; `after` is called when the first has come back."""
    handing = HandingOut(pool, "upscale", lambda: None)
    answers = []
    for one in handing.results(work[0], lambda one: (one, CODE)):
        answers.append(one.answer and one.answer["data"])
        if len(answers) == 1 and after:
            after()
    return answers, handing


def test_threads_make_the_same_files(folder, work):
    pool = ThreadPool("threads", [CPU, CPU], [folder])
    try:
        answers, _ = done_by(pool, work)
    finally:
        pool.close()
    assert answers == work[1]


def test_threads_end_with_the_tile_that_they_are_at(folder, model, tmp_path, monkeypatch):
    """A whole picture is not waited for by whoever cancels."""
    Image.new("RGB", (300, 300)).save(tmp_path / "large.png")
    large = job(tmp_path / "large.png", ModelStore([folder]).load(model), asdict(model), tiles=TileSettings(32, 8))
    tiles, begun = [], threading.Event()

    def start(*arguments):
        tiles.append(arguments)
        begun.set()
        time.sleep(0.02)
        return real(*arguments)

    real = Worker.start
    monkeypatch.setattr(Worker, "start", start)
    pool = ThreadPool("threads", [CPU], [folder])
    ticket = pool.submit("upscale", large, CODE)
    assert begun.wait(60)
    pool.close()
    assert ticket.wait(0)
    assert 1 <= len(tiles) < 100


@pytest.mark.parametrize(("generation", "known"), [(6, 0), (7, 1), (8, 2), (12, 2)])
def test_half_precision_is_tried_where_the_host_would(generation, known, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (generation, 0))
    types = (torch.float16, torch.bfloat16)
    assert DeviceRuntime(torch.device("cuda", 1)).half_types() == types[:known]


def test_a_job_is_what_the_folder_job_does(tmp_path, folder, model):
    """Deep pictures are made in float32 and stay deep; a filter needs no file; a second upscaler is laid over."""
    levels = np.random.default_rng(0).integers(0, 65536, (9, 7), np.uint16)
    Image.fromarray(levels).save(tmp_path / "deep.png")
    lanczos, store = CLASSICAL["Lanczos"], ModelStore([folder])
    one = job(tmp_path / "deep.png", lanczos, {"filter": "Lanczos"})
    answer = do_job(one, store.load, runtimes)
    assert (answer["size"], set(one["tiles"])) == ([14, 18], {"auto", "float32 (fast convolutions)"})
    (tmp_path / "out.png").write_bytes(answer["data"])
    with Image.open(tmp_path / "out.png") as image:
        assert (image.size, image.mode, image.text["postprocessing"]) == (
            (14, 18), "I;16", "Postprocess upscale by: 2, Postprocess upscaler: Lanczos",
        )  # fmt: skip
    request = UpscaleRequest(lanczos, 2.0, False, second=store.load(model), visibility=1.0)
    tiles = settled_for_all(request, runtimes, 8)
    both = job_of(tmp_path / "deep.png", request, [{"filter": "Lanczos"}, asdict(model)], tiles, "png", 8, 95, False)
    alone = job(tmp_path / "deep.png", store.load(model), asdict(model), depth=8)
    alone["with_text"] = False
    assert do_job(both, store.load, runtimes)["data"] == do_job(alone, store.load, runtimes)["data"]


def test_what_travels_is_plain(work):
    def plain(value):
        if isinstance(value, dict):
            return all(type(key) is str and plain(one) for key, one in value.items())
        return all(map(plain, value)) if isinstance(value, list) else type(value) in (str, int, float, bool, bytes)

    assert plain(work[0][0])


def test_only_filters_and_files_travel(folder, model):
    upscaler = ModelStore([folder]).load(model)
    assert jobs.upscaler_to_plain(upscaler, lambda name: model) == asdict(model)
    with pytest.raises(CannotTravelError, match="is no model file of Load Upscaler"):
        jobs.upscaler_to_plain(upscaler, lambda name: None)


def test_models_are_found_by_their_content(tmp_path, folder, model):
    """Under any name; one that is sent is kept under its hash, if it is what it was said to be."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "other name.safetensors").write_bytes((folder / model.name).read_bytes())
    store = ModelStore([tmp_path])
    assert store.path(model) == tmp_path / "sub" / "other name.safetensors"
    assert store.load(model) is store.load(model)
    with pytest.raises(UpscalerError, match="is not here"):
        store.load(replace(model, sha256="0" * 64))
    data = (folder / model.name).read_bytes()
    with pytest.raises(UpscalerError, match="--fetch"):
        ModelStore([]).take(model, data)
    taking = ModelStore([], tmp_path / "taken")
    with pytest.raises(UpscalerError, match="other bytes"):
        taking.take(model, data + b"x")
    assert taking.path(model) is None
    taking.take(replace(model, name="../../escaped.safetensors"), data)
    assert taking.path(model).parent == tmp_path / "taken"


def test_threads_build_their_networks_one_after_another(folder, model, monkeypatch):
    """torch fails where two do it at once."""
    building, most = [], []

    def build(*arguments):
        building.append(arguments)
        most.append(len(building))
        time.sleep(0.05)
        building.pop()
        return real(*arguments)

    real = models.from_state_dict
    monkeypatch.setattr(models, "from_state_dict", build)
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda _: ModelStore([folder]).load(model), range(3)))
    assert most == [1, 1, 1]


def test_a_file_that_would_run_code_is_refused(folder):
    path = folder / upscalers.PICKLED_CODE
    file = ModelFile(path.name, sha256_of(path), path.stat().st_size)
    with pytest.raises(UpscalerError):
        ModelStore([folder]).load(file)
    assert not (folder / upscalers.EXECUTED_MARKER).exists()
    assert set(models.SUFFIXES) > {path.suffix}


@pytest.fixture(scope="module")
def processes(folder):
    pool = open_pool(Entry("two", processes=2, threads=1), [folder])
    yield pool
    pool.close()


def process_ids(pool):
    return {hello["process"] for hello in pool._run("hello").values()}


def test_processes_make_the_same_files_also_when_one_is_killed(processes, work, model, folder):
    assert processes.meet([model], [folder / model.name]) == []
    assert processes.slots() == 2
    victim = min(process_ids(processes))
    answers, handing = done_by(processes, work, lambda: os.kill(victim, signal.SIGKILL))
    assert answers == work[1]
    assert sum(tally.count for tally in handing.tallies.values()) >= len(answers)
    assert handing.remarks == []


def wait_for(processes, count):
    """Whoever was killed begins again."""
    deadline = time.monotonic() + 60
    while len(process_ids(processes)) < count and time.monotonic() < deadline:
        time.sleep(0.2)


def test_windows_by_processes_of_which_one_is_killed(processes, model, folder):
    wait_for(processes, 2)
    processes.meet([model], [folder / model.name])
    upscaler, tiles = ModelStore([folder]).load(model), TileSettings(48, 8)
    image = torch.rand(1, 200, 240, 3, generator=torch.Generator().manual_seed(1))
    victim, asked = min(process_ids(processes)), []

    def kill(done, total):
        asked.append(done)
        if len(asked) == 5:
            os.kill(victim, signal.SIGKILL)

    helpers = WindowHelpers(processes, {upscaler.name: asdict(model)}, lambda: None)
    found = upscale_to(image, upscaler, 480, 400, tiles, CpuRuntime(kill), helpers=helpers)
    assert torch.equal(found, upscale_to(image, upscaler, 480, 400, tiles))
    assert len(asked) >= 5, "nobody was killed"
    assert helpers.handing.tallies


@pytest.mark.slow
def test_a_frozen_worker_is_waited_for_no_longer_than_it_takes_to_see_it(processes, work, model, folder, monkeypatch):
    """What it has is started once more, and it gets nothing new; awake again, it takes part again."""
    wait_for(processes, 2)
    processes.meet([model], [folder / model.name])
    victim = min(process_ids(processes))
    twice = [work[0] * 8, work[1] * 8]
    monkeypatch.setattr(dask_pool, "_HELLO", 3.0)
    try:
        answers, _ = done_by(processes, twice, lambda: os.kill(victim, signal.SIGSTOP))
        assert answers == twice[1]
        time.sleep(dask_pool._SILENT)
        while processes.slots() > 1:
            time.sleep(0.2)
        (remark,) = processes.meet([model], [folder / model.name])
        assert remark.endswith("is left out: it does not answer")
    finally:
        os.kill(victim, signal.SIGCONT)
    wait_for(processes, 2)
    assert processes.meet([model], [folder / model.name]) == []
    while processes.slots() < 2:
        time.sleep(0.2)
    assert done_by(processes, work)[0] == work[1]


@pytest.mark.parametrize("frozen", ["looked for models", "was sent 'random-x2.safetensors'"])
def test_a_worker_that_freezes_while_it_is_prepared_is_left_out(frozen, processes, model, folder, monkeypatch):
    """The other one works."""
    wait_for(processes, 2)
    victim = min(process_ids(processes))
    lacking, run = replace(model, sha256="0" * 64), processes._run

    def stopping(function, *arguments, workers=None, within=None):
        found = run(function, *arguments, workers=workers, within=within) if function == "hello" else None
        if found is not None:
            stopping.of = {address: hello["process"] for address, hello in found.items()}
            return {address: {**hello, "fetches": True} for address, hello in found.items()}
        if stopping.of[workers[0]] == victim and (function == "take") == frozen.startswith("was"):
            os.kill(victim, signal.SIGSTOP)
            return run(function, *arguments, workers=workers, within=within)
        return {workers[0]: [lacking.sha256] if stopping.of[workers[0]] == victim else []}

    monkeypatch.setattr(processes, "_run", stopping)
    monkeypatch.setattr(dask_pool, "_MEETING", 1.0)
    try:
        (remark,) = processes.meet([lacking], [folder / model.name])
    finally:
        os.kill(victim, signal.SIGCONT)
    assert remark.endswith(f"{victim} is left out: it did not answer for 1 seconds while it {frozen}")


def test_a_cancel_is_heard_before_workers_are_there(folder):
    """While processes start, of which none stays, and while somebody who does not answer is asked."""
    asked = itertools.count()

    def check():
        if next(asked) == 3:
            raise KeyboardInterrupt

    before = psutil.Process().children()
    with pytest.raises(KeyboardInterrupt):
        open_pool(Entry("two", processes=2, threads=1), [folder], check)
    (started,) = [one for one in psutil.Process().children() if one not in before]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        asked = itertools.count()
        with pytest.raises(KeyboardInterrupt):
            open_pool(Entry("silent", scheduler=f"tcp://127.0.0.1:{silent.getsockname()[1]}"), [], check)
    assert psutil.wait_procs([started], 60)[1] == []


def test_a_worker_that_joins_late_gets_work(processes, work, folder):
    command = [sys.executable, str(serving.WORKER), processes._started.address, "--workers", "1", "--threads", "1"]
    command += ["--models", str(folder), "--while-open"]
    before = {f"{socket.gethostname()}:{one}" for one in process_ids(processes)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as late:
        assert late.stdout.readline().startswith(serving.READY)
        answers, handing = done_by(processes, (work[0] * 4, work[1] * 4))
        assert answers == work[1] * 4
        assert len(set(handing.tallies) - before) == 1
        late.stdin.close()
        late.wait(60)


def test_a_worker_that_lacks_the_model_does_nothing(work):
    """Also one that nobody has looked at, because it came late."""
    answer = Workplace(ModelStore([]), CPU).upscale(work[0][0], CODE)
    assert "SHA-256" in answer["refused"]


def test_a_worker_without_comfyui_draws_nothing(folder, monkeypatch, tmp_path):
    plain = Workplace(ModelStore([folder]), CPU)
    for _ in range(2):
        refused = plain.redraw_ready({})["refused"]
        assert refused == "it was started without --comfyui, which names the folder of its ComfyUI"
    monkeypatch.setenv("HIRES_FIX_WORKER_COMFYUI", json.dumps([str(tmp_path)]))
    assert Workplace(ModelStore([folder]), CPU).redraw({})["refused"].startswith("there is no ComfyUI in its folder /")


def test_each_comfyui_gets_one_card():
    """Also where this ComfyUI was started with several: of an argument that comes twice, the last one holds."""
    given = serving._with_own(["/comfyui", "--cuda-device", "0,1", "--cpu"], "/temporary", "1")
    assert given[:4] == ["/comfyui", "--cuda-device", "0,1", "--cpu"]
    assert given[-4:] == ["--temp-directory", "/temporary", "--cuda-device", "1"]
    assert "--cuda-device" not in serving._with_own(["/comfyui"], "/temporary", "")
    assert serving._with_own([], "/temporary", "1") == []


def test_another_version_and_a_bad_picture(processes, work, model, folder):
    """The one leaves a worker out, the other is for this machine, which says what is the matter."""
    wait_for(processes, 2)
    bad = {**work[0][0], "data": b"no picture"}
    ticket = processes.submit("upscale", bad, CODE)
    assert ticket.wait(60)
    assert "cannot be read" in ticket.result()["failed"]
    ticket = processes.submit("upscale", work[0][0], "another version")
    assert ticket.wait(60)
    assert ticket.result()["refused"] == "it has another version of the pack"
    lacking = replace(model, sha256="0" * 64)
    with pytest.raises(PoolError, match=r"no worker of 'two' can do this.*no model with the SHA-256 of 'random-x2"):
        processes.meet([lacking], [folder / model.name])


def test_without_anybody_there_or_without_dask(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setitem(dask_pool.SETTINGS, "distributed.comm.timeouts.connect", "0.5 s")
        monkeypatch.setattr(dask_pool, "_CONNECT", 0.5)
        with pytest.raises(PoolError, match=f"'nobody' does not answer at {address}"):
            open_pool(Entry("nobody", scheduler=address), [])
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(PoolError, match=r'pip install "dask\[distributed\]"'):
        open_pool(Entry("two", processes=2), [])


def test_the_scheduler_is_lost_and_the_job_goes_on(processes, work, model, folder):
    """The last test of these processes."""
    processes.meet([model], [folder / model.name])
    jobs, made = (some * 4 for some in work)  # more than are on their way at once
    answers, handing = done_by(processes, (jobs, made), processes._started._process.kill)
    assert answers[0] == made[0]
    assert all(answer in (None, expected) for answer, expected in zip(answers, made, strict=True))
    assert answers[-1] is None
    assert handing.remarks == ["the scheduler of 'two' is gone. This machine goes on alone"]


@pytest.mark.slow
def test_a_worker_ends_with_its_scheduler_and_where_there_never_was_one(folder):
    """Also if that is killed: with a sentence, and nothing of it stays. Both wait for as long, so they do at once."""
    start = partial(subprocess.Popen, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    options = ["--workers", "1", "--threads", "1", "--models", str(folder)]
    serve = [sys.executable, str(serving.WORKER), "--serve", "tcp://127.0.0.1:0", "--workers", "0", "--while-open"]
    with socket.socket() as taken, start(serve, stdin=subprocess.PIPE) as scheduler:
        taken.bind(("127.0.0.1", 0))
        nowhere = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        address = scheduler.stdout.readline().strip().removeprefix(serving.READY)
        to_nowhere, to_scheduler = ([sys.executable, str(serving.WORKER), to, *options] for to in (nowhere, address))
        with start(to_nowhere) as alone, start(to_scheduler) as worker:
            assert worker.stdout.readline().startswith(serving.READY)
            below = psutil.Process(worker.pid).children(recursive=True)
            assert below
            scheduler.kill()
            for ended, lost in ((worker, address), (alone, nowhere)):
                _, said = ended.communicate(timeout=120)
                assert ended.returncode == 1
                assert f"{lost}: no scheduler answers, so this worker ends." in said
    assert psutil.wait_procs(below, 60)[1] == []


def certificate(folder, name, authority=None):
    """The files of one, signed by an authority (its name) or by itself."""
    key, asked, made = (folder / f"{name}.{ending}" for ending in ("key", "csr", "pem"))
    new = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", str(key)]
    if authority is None:
        commands = [[*new, "-x509", "-days", "2", "-out", str(made)]]
    else:
        signed = ["-CA", str(folder / f"{authority}.pem"), "-CAkey", str(folder / f"{authority}.key")]
        commands = [
            [*new, "-out", str(asked)],
            ["openssl", "x509", "-req", "-in", str(asked), *signed, "-CAcreateserial", "-days", "2", "-out", str(made)],
        ]
    for command in commands:
        subprocess.run(command, check=True, capture_output=True)
    return {"certificate": str(made), "key": str(key)}


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificates with openssl")
def test_a_certificate_of_another_authority_opens_nothing(tmp_path, monkeypatch):
    certificate(tmp_path, "ours")
    certificate(tmp_path, "theirs")
    me, stranger = certificate(tmp_path, "me", "ours"), certificate(tmp_path, "stranger", "theirs")
    ca = {"ca": str(tmp_path / "ours.pem")}
    command = [sys.executable, str(serving.WORKER), "--serve", "tls://127.0.0.1:0", "--workers", "0", "--while-open"]
    command += [word for name, value in {**ca, **me}.items() for word in (f"--{name}", value)]
    monkeypatch.setattr(dask_pool, "_CONNECT", 3.0)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        address = server.stdout.readline().strip().removeprefix(serving.READY)
        assert address.startswith("tls://127.0.0.1:")
        pool = open_pool(Entry("ours", scheduler=address, **ca, **me), [])
        assert pool.slots() == 0
        pool.close()
        with pytest.raises(PoolError, match="'strangers' does not answer"):
            open_pool(Entry("strangers", scheduler=address, **ca, **stranger), [])
        server.stdin.close()
        server.wait(60)


def test_processes_end_with_whoever_started_them(folder):
    """Also if that is killed."""
    code = (
        f"import sys; sys.path.insert(0, {str(jobs.ROOT / 'tests')!r}); import conftest, time\n"
        "from hires_pack.machines.dask_pool import open_pool\n"
        "from hires_pack.machines.entries import Entry\n"
        "pool = open_pool(Entry('one', processes=1, threads=1), [])\n"
        "pool.meet([], [])\n"
        "print(pool._started._process.pid, *[h['process'] for h in pool._run('hello').values()], flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as owner:
        started = [int(number) for number in owner.stdout.readline().split()]
        owner.kill()
    assert len(started) == 2
    deadline = time.monotonic() + 60
    while any(map(is_alive, started)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [process for process in started if is_alive(process)]


def is_alive(process):
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["tcp://192.168.1.2:8786"], "beyond 127.0.0.1 use tls"),
        (["--serve", "tcp://0.0.0.0:0"], "beyond 127.0.0.1 use tls"),
        (["tls://192.168.1.2:8786"], "needs the files ca, certificate, key"),
        (["tcp://127.0.0.1:8786", "--models", "/not/there"], "There is no folder /not/there"),
        (["nonsense"], "has the address 'nonsense'"),
        (["tcp://127.0.0.1:8786", "--comfyui", "/not/there"], "There is no main.py in /not/there: --comfyui names"),
        (["tcp://127.0.0.1:8786", "--", "--cpu"], "What follows -- is for ComfyUI: name its folder with --comfyui."),
    ],
)
def test_the_command_refuses_with_a_sentence(arguments, sentence, capsys):
    assert serving.main(arguments) == 2
    assert sentence in capsys.readouterr().err


def test_tiles_are_settled_once_for_all(work, folder, model):
    """A worker takes the numbers it is told, as the folder job would settle them here."""
    upscaler = ModelStore([folder]).load(model)
    request = UpscaleRequest(upscaler, 2.0, False, tiles=TileSettings(96, 16))
    assert settled_for_all(request, runtimes, 8) == {"auto": [TileSettings(96, 16)]}
