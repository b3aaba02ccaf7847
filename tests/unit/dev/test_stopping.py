"""A SIGTERM ends what a command has started, with whole groups of real processes, as `timeout` sends it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no groups of processes to signal")

LONG = 300
"""Seconds. No wait takes them, however busy the machine, unless something never happens; what waits to be stopped
waits longer."""

SERVER = """
import pathlib, subprocess, sys, time

class Server:
    "Like a host: a process in a session of its own, which takes a while to be stopped."

    def __init__(self, folder):
        self.process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(900)"], start_new_session=True)
        self.folder = pathlib.Path(folder)
        (self.folder / "started").write_text(str(self.process.pid))

    def stop(self):
        (self.folder / "stopping").touch()
        time.sleep(0.5)
        self.process.kill()
        self.process.wait()
        (self.folder / "stopped").touch()
"""

SCRIPT = """
import sys, time
import stopping
from server import Server

def work():
    server = Server(sys.argv[1])
    try:
        time.sleep(900)
    finally:
        server.stop()

sys.exit(stopping.run(work))
"""

DEV = """
import importlib.machinery, os, sys
import stopping
dev = importlib.machinery.SourceFileLoader("front_door", {door!r}).load_module()

stopping.listen()
sys.exit(dev._run([sys.executable, *sys.argv[1:]], dict(os.environ)))
"""

TESTS = """
import time
import pytest
from server import Server

@pytest.fixture
def server():
    server = Server({folder!r})
    yield server
    server.stop()

def test_waits(server):
    time.sleep(900)
"""


@pytest.fixture
def start(tmp_path):
    """Start a command in a group of its own; afterwards neither it nor its server is left, whatever went wrong."""
    (tmp_path / "server.py").write_text(SERVER)
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "test_waiting.py").write_text(TESTS.format(folder=str(tmp_path)))
    paths = [tmp_path, ROOT / "dev", ROOT / "tests"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    running = []

    def run(*arguments):
        running.append(
            subprocess.Popen(
                [sys.executable, *map(str, arguments)], env=env, cwd=tmp_path, start_new_session=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )
        )  # fmt: skip
        wait_for(tmp_path / "started")
        return running[-1]

    yield run
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    if not (tmp_path / "stopped").exists():
        os.kill(int((tmp_path / "started").read_text()), signal.SIGKILL)


def wait_for(file):
    deadline = time.monotonic() + LONG
    while not (file.exists() and (file.name != "started" or file.read_text())):
        assert time.monotonic() < deadline, f"no {file.name}"
        time.sleep(0.02)


def test_a_signal_that_arrives_twice_ends_a_script_and_its_server(start, tmp_path):
    process = start("-c", DEV.format(door=str(ROOT / "dev.py")), tmp_path / "script.py", tmp_path)
    os.killpg(process.pid, signal.SIGTERM)  # to both; the front door hands it on as well
    assert process.wait(LONG) == 130
    assert (tmp_path / "stopped").exists()
    assert "Stopped." in process.stdout.read()


def test_a_ctrl_c_for_the_front_door_alone_does_not_keep_a_sigterm_from_the_script(start, tmp_path):
    process = start("-c", DEV.format(door=str(ROOT / "dev.py")), tmp_path / "script.py", tmp_path)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    assert process.wait(LONG) == 130
    assert (tmp_path / "stopped").exists()


@pytest.mark.slow
@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_the_server_is_being_stopped_changes_nothing(start, tmp_path, first):
    process = start(tmp_path / "script.py", tmp_path)
    process.send_signal(first)
    wait_for(tmp_path / "stopping")
    process.send_signal(signal.SIGTERM)
    assert process.wait(LONG) == 130
    assert (tmp_path / "stopped").exists()


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1])
def test_the_servers_of_tests_are_stopped_by_whichever_process_runs_them(start, tmp_path, workers):
    process = start("-m", "pytest", "-p", "conftest", "-n", workers, tmp_path / "test_waiting.py")
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(LONG) == 2, "interrupted, not failed"
    assert (tmp_path / "stopped").exists()
