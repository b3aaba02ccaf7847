"""A machine of its own, as far as the network knows: a namespace at the other end of a cable. Linux, as root."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NAME, CABLE = "hires-fix", "hf-cable"
HERE, THERE = "10.77.41.1", "10.77.41.2"


@dataclass(frozen=True)
class Machine:
    """The other one, and what opens its door."""

    address: str
    certificates: dict[str, str]

    @property
    def prefix(self) -> list[str]:
        """Begins the command of what is to run there."""
        return ["ip", "netns", "exec", NAME]

    def unplug(self, is_out: bool = True) -> None:
        """Pull the cable, or put it back."""
        _run("ip", "link", "set", CABLE, "down" if is_out else "up")


@contextmanager
def other_machine(folder: Path) -> Iterator[Machine]:
    """Make one; `folder` gets the certificates."""
    _run("ip", "netns", "add", NAME)
    try:
        _run("ip", "link", "add", CABLE, "type", "veth", "peer", "name", "eth0", "netns", NAME)
        _run("ip", "addr", "add", f"{HERE}/30", "dev", CABLE)
        _run("ip", "link", "set", CABLE, "up")
        for words in (["addr", "add", f"{THERE}/30", "dev", "eth0"], ["link", "set", "eth0", "up"]):
            _run("ip", "-n", NAME, *words)
        _run("ip", "-n", NAME, "link", "set", "lo", "up")
        yield Machine(f"tls://{THERE}:8786", _certificates(folder))
    finally:
        _run("ip", "netns", "del", NAME)


def _certificates(folder: Path) -> dict[str, str]:
    """By the commands of docs/machines.md."""
    new = ["openssl", "req", "-newkey", "rsa:2048", "-nodes"]
    ca, key, asked, made = (str(folder / name) for name in ("ca", "me.key", "me.csr", "me.pem"))
    _run(*new, "-x509", "-days", "2", "-subj", "/CN=hires-fix", "-keyout", f"{ca}.key", "-out", f"{ca}.pem")
    _run(*new, "-subj", "/CN=me", "-keyout", key, "-out", asked)
    signed = ["-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial", "-days", "2"]
    _run("openssl", "x509", "-req", "-in", asked, *signed, "-out", made)
    return {"ca": f"{ca}.pem", "certificate": made, "key": key}


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
