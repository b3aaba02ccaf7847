"""What the figures of a benchmark depend on: processor, GPU, versions."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

FLAGS = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_tile", "asimd", "bf16")
"""Of the processor: those that decide how fast it multiplies, and in which number formats."""

CPU_INFO = Path("/proc/cpuinfo")

GPU, CPU_AMX, CPU_BF16, CPU = "GPU", "CPU with AMX", "CPU with bf16", "CPU without"
"""The columns of the goals. Instructions that multiply vectors of bfloat16 are at most twice as fast as float32, those
that multiply matrices eight times."""


def kind() -> str:
    """Which column applies here."""
    if torch.cuda.is_available():
        return GPU
    flags = _flags()
    return CPU_AMX if "amx_bf16" in flags else CPU_BF16 if flags & {"avx512_bf16", "bf16"} else CPU


def describe() -> dict[str, Any]:
    """For the JSON beside the figures."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    flags = _flags()
    return {
        "kind": kind(),
        "cpu": _info("model name") or platform.processor() or platform.machine(),
        "cpu_flags": [flag for flag in FLAGS if flag in flags],
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": gpu,
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "spandrel")},
        "comfyui": _comfyui(),
    }


def sentence() -> str:
    """The same for people."""
    found = describe()
    place = found["gpu"] or f"{found['cpu']} ({', '.join(found['cpu_flags'])}), {found['threads']} thread(s)"
    return f"{place}; torch {found['torch']}, spandrel {found['spandrel']}, ComfyUI {found['comfyui']}"


def _flags() -> set[str]:
    return set((_info("flags") or _info("Features") or "").split())


def _info(field: str) -> str | None:
    """The first such line of Linux's description of the processor; None on other systems."""
    try:
        text = CPU_INFO.read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(rf"^{field}\s*:\s*(.*)$", text, re.MULTILINE)
    return found[1].strip() if found else None


def _comfyui() -> str:
    import comfyui_version

    return comfyui_version.__version__
