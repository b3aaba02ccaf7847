"""How much memory a run needs at its highest point, beyond what was there before."""

from __future__ import annotations

import ctypes
import gc
import re
from collections.abc import Callable
from pathlib import Path

import torch

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_FORGET_PEAK = "5"


def peak_beyond(run: Callable[[], torch.Tensor]) -> int | None:
    """Bytes that `run` takes at its peak beyond what this process held before and beyond its result.

    Of the GPU's memory; without one of the process' own, which only Linux tells (elsewhere: None). There, ask a process
    that has done nothing larger before: memory that it was given once and keeps for later would not be seen again.
    """
    if torch.cuda.is_available():
        gc.collect()
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        result = run()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before - (result.nbytes if result.is_cuda else 0)
    if not forget_peak():
        return None
    before = kilobytes("VmRSS")
    result = run()
    return (kilobytes("VmHWM") - before) * 1024 - result.nbytes


def forget_peak() -> bool:
    """Let the kernel measure this process' peak from here on. Only Linux with GNU's C library can: else False."""
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
        _CLEAR.write_text(_FORGET_PEAK, encoding="ascii")
    except (AttributeError, OSError, TypeError):  # another library, another kernel, Windows
        return False
    return True


def kilobytes(field: str) -> int:
    """What the kernel says of this process: "VmRSS", in use now, or "VmHWM", the peak."""
    found = re.search(rf"^{field}:\s*(\d+) kB", _STATUS.read_text(encoding="ascii"), re.MULTILINE)
    assert found is not None
    return int(found[1])
