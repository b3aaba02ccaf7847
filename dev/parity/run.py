"""Run recorded cases through the pack's nodes on real hosts, and judge them."""

from __future__ import annotations

import queue
import textwrap
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from ...hires.graph.builder import GraphError
from ...hires.graph.to_api import to_api
from ...hires.sampling.menus import LATENT_MODES
from ...sdapi.errors import ApiError
from ..fixtures import library, oracle
from ..host.comfy_client import ClientError, ComfyClient, Run
from ..host.comfyui_host import ComfyUIHost
from ..mount import ROOT
from . import differences
from . import extras as parity_extras
from . import redraw as parity_redraw
from . import txt2img as parity_txt2img
from .cases import Case, CaseError, extra_model_files
from .graph import Plan, Variant
from .measure import Measured, measure_extras, measure_ldsr, measure_txt2img
from .measure_redraw import measure_redraw
from .names import ModelNames
from .report import CaseOutcome, Outcome
from .settings import NotMappedError

PROBE = ROOT / "dev" / "fixtures" / "probe"
OWN_ERROR = "HiresFixError"

_BUILD: dict[str, Callable[[Case, Variant, ModelNames], Plan]] = {
    "txt2img": parity_txt2img.build,
    "img2img": parity_redraw.build,
    "sd-upscale": parity_redraw.build,
}
"""By the kind of case, for those with prompts."""

_EXTRAS, _LDSR = "extras", "ldsr"


def model_files() -> dict[str, list[Path]]:
    """Write the recorded models where they are missing; ComfyUI's folder name -> files."""
    files = library.ensure()
    folder = files.folder
    kinds = {kind: sorted((folder / kind).glob("*.safetensors")) for kind in ("checkpoints", "upscale_models")}
    recorded = {kind: [file for file in found if file.name in oracle.SHA256] for kind, found in kinds.items()}
    return {**recorded, "LDSR": files.ldsr}


class Bench:
    """A host with the recorded models, and what is needed to run cases on it."""

    def __init__(self, host: ComfyUIHost, models: dict[str, list[Path]]) -> None:
        self.host, self.client = host, ComfyClient(host.url, timeout=600.0)
        by_stem = {kind: {file.stem: file.name for file in files} for kind, files in models.items()}
        self.names = ModelNames(by_stem["checkpoints"], by_stem["upscale_models"], by_stem.get("loras", {}))
        self.nodes: dict[str, Any] = self.client.object_info()

    def run(self, case: Case) -> CaseOutcome:
        """Run every variant of a case."""
        started = time.monotonic()
        if case.kind not in (*_BUILD, _EXTRAS, _LDSR):
            outcome = CaseOutcome(case.id, Outcome(False, f"not mapped: kind={case.kind}"))
        elif case.kind == _EXTRAS:
            outcome = CaseOutcome(case.id, self._judge(case, partial(parity_extras.build, case, self.names)))
        elif case.kind == _LDSR:
            outcome = CaseOutcome(case.id, self._judge(case, partial(parity_extras.build_ldsr, case)))
        else:
            variants: tuple[Variant, ...] = ("injected", "encoded")
            both = [self._judge(case, partial(_BUILD[case.kind], case, v, self.names)) for v in variants]
            outcome = CaseOutcome(case.id, both[0], both[1])
        outcome.seconds = time.monotonic() - started
        return outcome

    def _judge(self, case: Case, build: Callable[[], Plan]) -> Outcome:
        try:
            plan = build()
            if lacking := plan.graph.lacking(self.nodes):
                return Outcome(False, f"not run: {lacking}")
            run = self._queue(plan)
            complete = run.status == "success" and not run.node_errors
            return verdict(case, run, self._measure(case, plan) if complete else Measured())
        except NotMappedError as gap:
            refused = [differences.refusal_of(setting) for setting in gap.settings]
            if all(refused):
                return Outcome(True, f"refused on purpose: {', '.join(line.feature for line in refused if line)}")
            return Outcome(False, str(gap))
        except (ApiError, GraphError) as refusal:
            return _refused(case, str(refusal))
        except (CaseError, ClientError) as problem:
            return Outcome(False, str(problem))
        except (KeyError, IndexError, TypeError, ValueError) as problem:
            # a recording of a form that nobody foresaw is a case that is not run, not the end of all others
            return Outcome(False, f"not mapped: {type(problem).__name__}: {problem}")

    def _queue(self, plan: Plan) -> Run:
        inputs = self.host.base / "input"
        if plan.tensors:
            save_file({name: value.contiguous() for name, value in plan.tensors.items()}, inputs / plan.file)
        for name, picture in plan.uploads.items():
            (inputs / name).write_bytes(picture)
        try:
            return self.client.queue(to_api(plan.graph))
        finally:
            for file in inputs.glob(f"{plan.run_id}*"):
                file.unlink()

    def _measure(self, case: Case, plan: Plan) -> Measured:
        def saved(stage: str) -> dict[str, torch.Tensor] | None:
            path = self.host.base / "output" / f"{plan.saves.get(stage, '-')}.safetensors"
            return load_file(path) if path.is_file() else None

        try:
            if isinstance(plan, parity_redraw.RedrawPlan):
                return measure_redraw(case, plan, saved)
            kinds = {_EXTRAS: measure_extras, _LDSR: measure_ldsr}
            return kinds.get(case.kind, measure_txt2img)(case, saved)
        finally:
            for file in (self.host.base / "output").glob(f"{plan.run_id}*"):
                file.unlink()


def verdict(case: Case, run: Run, measured: Measured) -> Outcome:
    """Whether a run is what the recording asks for: its numbers, or, where A1111 itself failed, a sensible answer."""
    failed = case.error
    theirs = f"A1111 itself failed ({failed})" if failed else ""
    if run.status != "success" or run.node_errors:
        message = textwrap.shorten(run.explanation(), 400, placeholder=" …")
        # the host itself refuses what is in none of its lists
        refused = str((run.error or {}).get("exception_type", "")).endswith(OWN_ERROR) or bool(run.node_errors)
        return _refused(case, message) if refused else Outcome(False, message)
    beyond = measured.beyond()
    if failed:
        result = "a result came out here, and every stage that was recorded agrees"
        if not measured.stages:
            result = "a result came out here, with nothing recorded to compare it with"
        return Outcome(not beyond, f"{theirs}; {'; '.join(beyond) or result}", measured)
    if beyond:
        beyond += [f"known: {line.feature}" for line in differences.close_of(_job_settings(case))]
    return Outcome(not beyond, "; ".join(beyond or measured.remarks), measured)


def _refused(case: Case, message: str) -> Outcome:
    """What becomes of a case that is refused here."""
    if case.error:
        return Outcome(True, f"A1111 itself failed ({case.error}); refused here: {message}")
    settings = {**case.request, **(case.request.get("override_settings") or {})}
    texts = [message, *(f"{name}={value}" for name, value in settings.items())]
    line = next(filter(None, map(differences.refusal_of, texts)), None)
    return Outcome(bool(line), f"refused on purpose: {line.feature}" if line else message)


def _job_settings(case: Case) -> list[str]:
    """What the table of close results looks at."""
    if case.kind == _LDSR:
        return []
    names = ["sampler_name", *(["hr_sampler_name"] if case.resolved("enable_hr") else [])]
    upscaler = case.resolved("hr_upscaler") or "Latent"
    pixel = [f"pixel_upscaler={upscaler}"] if case.resolved("enable_hr") and upscaler not in LATENT_MODES else []
    return [*(f"{name}={case.resolved(name)}" for name in names), *pixel]


def new_host(models: dict[str, list[Path]]) -> ComfyUIHost:
    """A host on the CPU with one thread, as A1111 was recorded; more of them use more cores."""
    return ComfyUIHost(extra_packs=[PROBE], models=models, arguments=["--cpu"], env={"OMP_NUM_THREADS": "1"})


def run_cases(cases: Sequence[Case], jobs: int, say: Callable[[str], None]) -> list[CaseOutcome]:
    """Run all cases on `jobs` hosts at once; returns the outcomes in the order of the cases.

    Raises HostError if a host did not start, ClientError if one went away.
    """
    models = {**model_files(), **extra_model_files(cases[0].shelf)}
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for index in range(len(cases)):
        waiting.put(index)
    outcomes: dict[int, CaseOutcome] = {}
    problems: list[BaseException] = []
    lock = threading.Lock()

    def work() -> None:
        try:
            with new_host(models) as host:
                bench = Bench(host, models)
                while not problems:
                    try:
                        index = waiting.get_nowait()
                    except queue.Empty:
                        return
                    outcome = bench.run(cases[index])
                    with lock:
                        outcomes[index] = outcome
                        mark = "ok" if outcome.ok else "NOT OK"
                        place = f"[{len(outcomes)}/{len(cases)}]"
                        say(f"{place} {outcome.id}: {mark}, {outcome.seconds:.1f} s  {outcome.reason}")
        except BaseException as problem:  # handed to the caller, who waits for all threads
            problems.append(problem)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(max(1, min(jobs, len(cases))))]
    for thread in threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in threads):
            time.sleep(0.1)
    except BaseException as stop:  # Ctrl-C: let every thread stop its host first
        problems.append(stop)
        for thread in threads:
            thread.join()
        raise
    if problems:
        raise problems[0]
    return [outcomes[index] for index in range(len(cases))]
