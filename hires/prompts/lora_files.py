"""Which file a LoRA's tag means, of those that are installed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

from ..errors import InputError
from ..model_names import stem, without_suffix
from .networks import LORA_KINDS, LoraTag, asks_for_rank, lora_of
from .passes import without_comments, without_extra_networks

LARGEST = 100.0
"""Strength of a LoRA; as in core's Load LoRA."""

_NEAR, _LIKENESS = 3, 0.5
"""How many names like a missing one are told, and how like."""

_LOOK_FOR_NEAR = 2000
"""Files up to which names like a missing one are looked for: it takes a while."""


class LoraError(InputError):
    """A tag that loads nothing."""


@dataclass(frozen=True)
class LoraUse:
    """A file with the strengths that it is loaded with."""

    file: str
    clip: float
    model: float


@dataclass(frozen=True)
class PromptLoras:
    """What the tags of a prompt ask for."""

    uses: tuple[LoraUse, ...]
    """In the order of the prompt, each file once; not those with no strength."""

    passed_over: tuple[str, ...]
    """Tags that A1111 passes over, too: of kinds that nobody knows."""

    text: str
    """The prompt without tags and comments."""


def prompt_loras(prompt: str, more: Iterable[LoraTag], files: LoraFiles) -> PromptLoras:
    """Work out what a prompt loads.

    Args:
        prompt: in A1111's syntax; tags in comments do not count.
        more: further ones; those whose file the prompt names itself are left out.

    Raises:
        LoraError: a tag that makes no sense, names no file or several, or asks for something else than a LoRA.
    """
    text, tags = without_extra_networks(without_comments(prompt))
    passed_over, asked = [], []
    for tag in tags:
        kind, lora = tag[1:].partition(":")[0], lora_of(tag)
        if kind == "hypernet":
            raise LoraError(f"{tag} is a hypernetwork; this loads LoRAs. Use core's Load Hypernetwork for it.", "text")
        if kind not in LORA_KINDS:
            passed_over.append(tag)
        elif lora is None:
            raise LoraError(f"{tag} makes no sense. Write it as <lora:name:0.8> or <lora:name:0.8:0.6>.", "text")
        elif asks_for_rank(tag):
            raise LoraError(f"{tag} asks for another rank (dyn), which is not done here. Leave that out.", "text")
        else:
            asked.append(lora)
    found = [(files.named(lora.name), lora, "text") for lora in asked]
    named = {file for file, *_ in found}
    others = ((files.named(lora.name, "lora_name"), lora, "lora_name") for lora in more)
    found += [other for other in others if other[0] not in named]
    strengths: dict[str, tuple[float, float]] = {}
    for file, lora, where in found:
        clip, model = strengths.get(file, (0.0, 0.0))
        strengths[file] = clip + lora.clip, model + lora.model
        if max(map(abs, strengths[file])) > LARGEST:
            clip, model = strengths[file]
            raise LoraError(
                f"{lora.name!r} gets the strength {clip:g} on the text encoder and {model:g} on the model; the largest "
                f"is {LARGEST:g}.",
                where,
            )
    uses = tuple(LoraUse(file, clip, model) for file, (clip, model) in strengths.items() if clip or model)
    return PromptLoras(uses, tuple(passed_over), text)


class LoraFiles:
    """The installed files, ready for prompts that name thousands."""

    def __init__(self, files: Sequence[str], alias_of: Callable[[str], str] = lambda file: "") -> None:
        """`alias_of`: the name that a file gives itself; empty if none. Only asked where no file has a name."""
        self._files, self._alias_of = tuple(files), alias_of
        self._like: dict[str, list[str]] = {}
        """Names that are like a missing one."""
        self._by_path = _listed_by(self._files, lambda file: {file.replace("\\", "/"), without_suffix(file)})
        self._by_name = _listed_by(self._files, _names)
        self._in_small = _listed_by(
            self._files, lambda file: {name.lower() for name in (*_names(file), without_suffix(file))}
        )

    def named(self, name: str, where: str = "text") -> str:
        """The file of a name: with or without folder and suffix, in whatever capitals, or its alias.

        Raises:
            LoraError: there is none, or there are several; `where`: the input.
        """
        wanted = name.replace("\\", "/")
        plain = wanted.lower()
        found = self._by_path.get(wanted) or self._by_name.get(wanted)
        found = found or self._in_small.get(plain) or self._by_alias.get(plain, [])
        if len(found) > 1:
            folder = without_suffix(found[0])
            raise LoraError(f"{name!r} may be {_quoted(found)}. Write the folder, too: <lora:{folder}:1>.", where)
        if found:
            return found[0]
        raise LoraError(f"no LoRA is called {name!r}. {self._near(name)}", where)

    @cached_property
    def _by_alias(self) -> dict[str, list[str]]:
        return _listed_by(self._files, lambda file: {self._alias_of(file).lower()} - {""})

    @cached_property
    def _stems(self) -> dict[str, str]:
        """As they are written, by how they are compared."""
        return {stem(file).lower(): stem(file) for file in self._files}

    def _near(self, name: str) -> str:
        wanted = stem(name).lower()
        if wanted not in self._like:  # a prompt may be read several times, and each look takes milliseconds
            few = len(self._stems) <= _LOOK_FOR_NEAR
            self._like[wanted] = get_close_matches(wanted, self._stems, _NEAR, _LIKENESS) if few else []
        near = self._like[wanted]
        there = f"Put its file into models/loras, or take it out of the prompt ({len(self._files)} files are there"
        return f"{there}{'; like it: ' + _quoted([self._stems[found] for found in near]) if near else ''})."


def _names(file: str) -> set[str]:
    """Without its folder: with and without suffix."""
    return {stem(file), file.replace("\\", "/").rpartition("/")[2]}


def _listed_by(files: Iterable[str], names_of: Callable[[str], set[str]]) -> dict[str, list[str]]:
    listed: dict[str, list[str]] = {}
    for file in files:
        for name in names_of(file):
            listed.setdefault(name, []).append(file)
    return listed


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
