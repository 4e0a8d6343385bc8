"""What a run looks like, for the page: small files beside its metrics, of its last generator's raw weights."""

from pathlib import Path

import torch
from torch import Tensor

from ganbench import attributes, captions, data, files, layout, modes, neighbours, sheet, tensorfiles
from ganbench.evidence import Evidence, EvidenceError, Reference
from ganbench.generate import NotFiniteError, generate
from ganbench.given import Given
from ganbench.reference import Instruments, Seen
from ganbench.streams import stream
from ganbench.trained import Trained

FILM_POINTS = 400
PATHS, STOPS = 4, 10
"""An interpolation: so many paths between two noise vectors, each with so many images."""
SHOWN, NEAREST = 12, 3
"""Neighbours: so many samples, each above its nearest training images."""
MOST_MODES = 100
"""More modes cannot be told apart as bars."""

ROWS, PER_ROW, PER_CAPTION = 10, 10, 6
"""Samples by condition: at most so many classes or captions, a row each, with so many samples."""

FILES = (layout.FILM, layout.INTERPOLATION, layout.NEIGHBOURS, layout.CONDITIONS, layout.CAPTIONS)


def remove(folder: Path) -> None:
    """Forget the pictures of an earlier generator."""
    for name in FILES:
        (folder / name).unlink(missing_ok=True)


def write(trained: Trained, seen: Seen, instruments: Instruments) -> None:
    """A film of points over training; for images, interpolations and the nearest training images, and samples by what
    they were made for."""
    if instruments.dataset.kind == "points":
        _write_film(trained, instruments)
    else:
        sheet.write_rows(_interpolations(trained, instruments), STOPS, trained.folder / layout.INTERPOLATION)
        _write_neighbours(trained, seen, instruments)
        _write_conditions(trained, instruments)
        _write_triptychs(trained, seen, instruments)


def mode_masses(seen: Seen, instruments: Instruments) -> dict[str, list[float]] | None:
    """The share of samples in each mode, and the true shares; None where no modes are known, or too many."""
    label = instruments.dataset.headline.extractor
    fake, real = seen[label], instruments.references["test"][label]
    truth = _true_shares(real, instruments, label)
    if truth is None or len(truth) > MOST_MODES:
        return None
    counts = modes.class_counts(fake) if real.mode_weights is None else modes.count(fake, real, "any")[0]
    return {"shares": (counts / len(fake)).tolist(), "truth": truth.tolist()}


def _true_shares(real: Reference, instruments: Instruments, label: str | None) -> Tensor | None:
    """Those of the mixture or of the classes; else, if the classes are the dataset's own, as the real ones are seen."""
    if real.mode_weights is not None:
        return real.mode_weights
    if label is None or "classes" not in instruments.dataset.extractors[label].card.traits["provides"]:
        return None
    return modes.class_counts(real.evidence) / len(real.evidence)


def _write_film(trained: Trained, instruments: Instruments) -> None:
    steps, frames = [], []
    for step in sorted(trained.steps):
        try:
            asked = instruments.given.get("validation")
            frames.append(trained.samples("raw", step, FILM_POINTS, "over training", asked).half())
        except NotFiniteError:
            continue  # a step that the curve leaves out too
        steps.append(step)
    film = {"steps": torch.tensor(steps), "samples": torch.stack(frames)}
    tensorfiles.write(trained.folder / layout.FILM, film)


@torch.no_grad()
def _interpolations(trained: Trained, instruments: Instruments) -> Tensor:
    """Images (PATHS * STOPS, channels, size, size) on great circles, on which noise keeps its typical length; each path
    for one condition, if there are any."""
    noise_dim = trained.spec["architecture"]["settings"]["noise_dim"]
    noise = stream(trained.run.seed, "interpolation", trained.device)
    first, last = torch.randn(2, PATHS, 1, noise_dim, generator=noise, device=trained.device)
    cosine = torch.nn.functional.cosine_similarity(first, last, dim=-1).clamp(-1 + 1e-6, 1 - 1e-6)
    angle = cosine.acos()[..., None]
    at = torch.linspace(0, 1, STOPS, device=trained.device)[None, :, None]
    path = (((1 - at) * angle).sin() * first + (at * angle).sin() * last) / angle.sin()
    trained.load("raw", trained.last)
    asked = instruments.given.get("test")
    given = asked.first(PATHS).values.repeat_interleave(STOPS, 0).to(trained.device) if asked else None
    made = trained.network.eval()(path.flatten(0, 1), *(() if given is None else (data.as_floats(given),)))
    return data.as_bytes(made).cpu()


@torch.no_grad()
def _write_conditions(trained: Trained, instruments: Instruments) -> None:
    """What the generator makes of each condition: a row of samples for each class, or for some captions, which are
    written beside."""
    asked = instruments.given.get("test")
    if asked is None or asked.form.kind == "image":
        return
    if asked.form.kind == "class":
        conditions, columns = torch.arange(min(ROWS, asked.form.count)), PER_ROW
    else:
        conditions, columns = _captions(trained, asked, instruments), PER_CAPTION
    conditions = conditions.repeat_interleave(columns, 0)
    noise_dim = trained.spec["architecture"]["settings"]["noise_dim"]
    trained.load("raw", trained.last)
    noise = stream(trained.run.seed, "conditions", trained.device)
    made = generate(trained.network, len(conditions), noise_dim, noise, conditions)
    sheet.write_rows(made, columns, trained.folder / layout.CONDITIONS)


def _captions(trained: Trained, asked: Given, instruments: Instruments) -> Tensor:
    """Captions (rows, length) to show, of which the last have pairs of words that were never trained on; and the file
    that says so."""
    shown, usual = attributes.examples(asked.values, instruments.given["train"].values, ROWS)
    words = instruments.dataset.card.traits["words"]
    found = [{"text": captions.text(one, words), "held_out": i >= usual} for i, one in enumerate(shown)]
    files.write_json(trained.folder / layout.CAPTIONS, {"captions": found})
    return shown


def _write_neighbours(trained: Trained, seen: Seen, instruments: Instruments) -> None:
    """A row of samples, and below each its nearest training images as the headline's extractor sees them."""
    label = instruments.dataset.headline.extractor
    training = instruments.references["test"][label].training
    shown: Evidence = seen[label].first(min(SHOWN, len(seen[label])))
    if training is None or shown.images is None:
        return
    _, found = neighbours.nearest(shown.features, training.evidence.features, NEAREST)
    images = data.read(instruments.dataset, "train").samples
    rows = torch.cat([shown.images.cpu(), images[found.T.flatten()]])
    sheet.write_rows(rows, len(shown), trained.folder / layout.NEIGHBOURS)


def _write_triptychs(trained: Trained, seen: Seen, instruments: Instruments) -> None:
    """Samples between the images that they were made from and the true ones."""
    if instruments.dataset.form == "image":
        shown = seen[instruments.dataset.headline.extractor]
        sheet.write_rows(triptychs(shown), min(SHOWN, len(shown)), trained.folder / layout.CONDITIONS)


def triptychs(seen: Evidence) -> Tensor:
    """The first sources as images that look like the samples, below them what was made of them, and below that the
    truth: uint8 (3 * shown, channels, size, size). Raises EvidenceError for samples that were not made from images."""
    images, truth = seen.first(min(SHOWN, len(seen))).paired()
    sources, channels = seen.given, images.shape[1]
    if sources is None or sources.dim() != images.dim():
        raise EvidenceError("these samples were not made from images")
    seen_as = channels if sources.shape[1] >= channels else 1  # without a mask; grey
    shown = sources[: len(images), :seen_as].expand(-1, channels, -1, -1)
    return torch.cat([part.cpu() for part in (shown, images, truth)])
