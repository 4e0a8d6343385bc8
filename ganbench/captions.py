"""Captions: short sentences as numbers of words, such as a network reads."""

import re
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from ganbench.data import DataError
from ganbench.plugins import unknown

BETWEEN = re.compile(r"[\s.,;:!?]+")
PADDING = 0


def parse(texts: Iterable[str], words: Sequence[str], source: str, length: int | None = None) -> Tensor:
    """Captions as int64 (n, length): word k of `words` is number k + 1, and 0 fills up short captions. Without `length`
    it is that of the longest.

    Case and punctuation are ignored. A word may be several ("left of"); of words that begin alike, the longest is
    taken. `source` says in errors where the captions are from. Raises DataError for a word that is not known, naming
    the sample and the closest word, and for a caption that is empty or too long.
    """
    numbers = {tuple(_split(word)): number for number, word in enumerate(words, 1)}
    found = [_numbers(_split(text), numbers, f"{source}: the caption of sample {i}") for i, text in enumerate(texts)]
    longest = max(map(len, found), default=0)
    if length is not None and longest > length:
        sample = next(i for i, caption in enumerate(found) if len(caption) > length)
        raise DataError(f"{source}: the caption of sample {sample} has {len(found[sample])} words, and {length} fit")
    width = longest if length is None else length
    return torch.tensor([[*caption, *[PADDING] * (width - len(caption))] for caption in found], dtype=torch.int64)


def text(caption: Tensor, words: Sequence[str]) -> str:
    """One caption (length,) as a sentence."""
    return " ".join(words[number - 1] for number in caption.tolist() if number != PADDING)


def _split(text: str) -> list[str]:
    return [part for part in BETWEEN.split(text.lower()) if part]


def _numbers(parts: list[str], numbers: dict[tuple[str, ...], int], what: str) -> list[int]:
    if not parts:
        raise DataError(f"{what} is empty")
    longest = max(map(len, numbers), default=0)
    found, at = [], 0
    while at < len(parts):
        ends = range(min(at + longest, len(parts)), at, -1)
        end = next((end for end in ends if tuple(parts[at:end]) in numbers), None)
        if end is None:
            known = map(" ".join, numbers)
            raise DataError(f"{what}, '{' '.join(parts)}': {unknown('unknown word', parts[at], known)}")
        found.append(numbers[tuple(parts[at:end])])
        at = end
    return found
