"""Networks that are told what to make, composed of an architecture's own ones and of what makes a vector of a
condition.

For classes and words. An architecture that takes images (`given`) builds its networks itself.
"""

import dataclasses
from typing import Any

import torch
from torch import Tensor, nn

from ganbench.given import Form
from ganbench.specs import Spec

WORDS = 32
"""The width of a caption's vector where a method says none."""


def _hot(classes: Tensor, count: int) -> Tensor:
    """Numbers (...) below `count` as 1 in their place among zeros (..., count). torch's own reads a number back."""
    return (classes[..., None] == torch.arange(count, device=classes.device)).float()


class UnconditionableError(Exception):
    """A network that cannot be told what to make in the way that a method wants."""


def generator(architecture: Any, shape: tuple[int, ...], form: Form | None, method: Spec) -> nn.Module:
    """A network from noise (batch, noise_dim), and conditions of a form if there are any, to samples (batch,
    *shape)."""
    if form is None:
        plain: nn.Module = architecture.generator(shape)
        return plain
    if form.kind in getattr(architecture, "given", ()):
        own: nn.Module = architecture.generator(shape, form)
        return own
    wishes = method["conditional"]
    if wishes["generator"] == "none":
        return Heedless(architecture.generator(shape))
    code = encoder(form, wishes)
    if wishes["generator"] == "normalisation":
        return Normalised(architecture.generator(shape), code)
    wider = dataclasses.replace(architecture, noise_dim=architecture.noise_dim + code.width)
    return Informed(wider.generator(shape), code)


def discriminator(architecture: Any, shape: tuple[int, ...], form: Form | None, method: Spec) -> nn.Module:
    """A network from samples (batch, *shape), and conditions of a form if there are any, to scores."""
    if form is None:
        plain: nn.Module = architecture.discriminator(shape)
        return plain
    if form.kind in getattr(architecture, "given", ()):
        own: nn.Module = architecture.discriminator(shape, form)
        return own
    wishes = method["conditional"]
    if wishes["discriminator"] == "none":
        return Heedless(architecture.discriminator(shape))
    if wishes["discriminator"] == "classifier":
        return Classifying(architecture.discriminator(shape), form.count)
    code = encoder(form, wishes)
    if wishes["discriminator"] == "projection":
        return Projecting(architecture.discriminator(shape), code)
    return Beside(architecture.discriminator((shape[0] + code.width, *shape[1:])), code)


def encoder(form: Form, wishes: Spec) -> "Encoder":
    """What makes a vector of a condition, as a method wants it."""
    if form.kind == "class":
        made: Encoder = Classes(form.count, wishes["width"])
    elif wishes["encoder"] == "gru":
        made = Sentence(form.count, wishes["width"] or WORDS)
    else:
        made = Bag(form.count, wishes["width"] or WORDS)
    return made.requires_grad_(not wishes["frozen"])


class Encoder(nn.Module):
    """From conditions to vectors (batch, width)."""

    width: int


class Classes(Encoder):
    """A class as one of `count` numbers that is 1, or embedded into `width` numbers."""

    def __init__(self, count: int, width: int | None) -> None:
        super().__init__()
        self.count, self.width = count, width or count
        self.embedding = nn.Embedding(count, width) if width else None

    def forward(self, classes: Tensor) -> Tensor:
        """Classes (batch,) to vectors (batch, width)."""
        if self.embedding is not None:
            found: Tensor = self.embedding(classes)
            return found
        return _hot(classes, self.count)


class Bag(Encoder):
    """A caption as the words that are in it, wherever they stand, and a linear layer."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.count, self.width = count, width
        self.layer = nn.Linear(count, width)

    def forward(self, words: Tensor) -> Tensor:
        """Words (batch, length), 0 for none, to vectors (batch, width)."""
        there = _hot(words, self.count).amax(1)
        there[:, 0] = 0.0  # what fills up says nothing
        found: Tensor = self.layer(there)
        return found


class Sentence(Encoder):
    """A caption as a gated recurrent unit leaves it after its last word (Cho et al. 2014, arXiv:1406.1078)."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.embedding = nn.Embedding(count, width, padding_idx=0)
        self.unit = nn.GRU(width, width, batch_first=True)

    def forward(self, words: Tensor) -> Tensor:
        """Words (batch, length), 0 for none after the last, to vectors (batch, width)."""
        states, _ = self.unit(self.embedding(words))
        last = (words > 0).sum(1).clamp(min=1) - 1
        found: Tensor = states[torch.arange(len(words), device=words.device), last]
        return found


class Heedless(nn.Module):
    """A network that is not told: the baseline."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, inputs: Tensor, given: Tensor) -> Tensor:
        """What the body makes of noise or samples."""
        found: Tensor = self.body(inputs)
        return found


class Informed(nn.Module):
    """A generator whose noise is followed by the vector of the condition (Mirza & Osindero 2014, arXiv:1411.1784)."""

    def __init__(self, body: nn.Module, code: Encoder) -> None:
        super().__init__()
        self.body, self.code = body, code

    def forward(self, noise: Tensor, given: Tensor) -> Tensor:
        """Noise (batch, noise_dim) and conditions (batch, ...) to samples."""
        found: Tensor = self.body(torch.cat([noise, self.code(given).to(noise.dtype)], 1))
        return found


class Normalised(nn.Module):
    """A generator in which every batch normalisation takes its scale and shift from the condition (Dumoulin et al.
    2017, arXiv:1610.07629; de Vries et al. 2017, arXiv:1707.00683).

    Raises UnconditionableError for a network that is no sequence of layers with batch normalisation among them.
    """

    def __init__(self, body: nn.Module, code: Encoder) -> None:
        super().__init__()
        outer = list(body) if isinstance(body, nn.Sequential) else []
        if not any(map(_normalises, outer)) or sum(map(_normalises, body.modules())) > sum(map(_normalises, outer)):
            raise UnconditionableError(
                "this generator has no batch normalisation between its layers, or more within them"
            )
        self.body = nn.ModuleList(Adapted(layer, code.width) if _normalises(layer) else layer for layer in outer)
        self.code = code

    def forward(self, noise: Tensor, given: Tensor) -> Tensor:
        """Noise (batch, noise_dim) and conditions (batch, ...) to samples."""
        code, found = self.code(given), noise
        for layer in self.body:
            found = layer(found, code) if isinstance(layer, Adapted) else layer(found)
        return found


def _normalises(layer: nn.Module) -> bool:
    return isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d))


class Adapted(nn.Module):
    """Batch normalisation whose scale is 1, and whose shift is 0, plus what a vector says; nothing at the beginning."""

    def __init__(self, norm: nn.Module, width: int) -> None:
        super().__init__()
        features, epsilon, momentum = norm.num_features, norm.eps, norm.momentum
        self.norm = type(norm)(features, epsilon, momentum, affine=False)
        self.scale, self.shift = (nn.Linear(width, features, bias=False) for _ in range(2))  # type: ignore[arg-type]
        nn.init.zeros_(self.scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, features: Tensor, code: Tensor) -> Tensor:
        """Features (batch, n) or maps (batch, n, size, size), and vectors (batch, width), to the like."""
        places = (*code.shape[:1], -1, *[1] * (features.dim() - 2))
        scale, shift = self.scale(code).reshape(places), self.shift(code).reshape(places)
        found: Tensor = (1 + scale) * self.norm(features) + shift
        return found


class Beside(nn.Module):
    """A discriminator that sees the vector of the condition beside the sample: as more coordinates, or as channels that
    are the same everywhere."""

    def __init__(self, body: nn.Module, code: Encoder) -> None:
        super().__init__()
        self.body, self.code = body, code

    def forward(self, samples: Tensor, given: Tensor) -> Tensor:
        """Samples (batch, ...) and conditions (batch, ...) to scores (batch,)."""
        code = self.code(given).to(samples.dtype)
        spread = code.reshape(*code.shape, *[1] * (samples.dim() - 2)).expand(-1, -1, *samples.shape[2:])
        found: Tensor = self.body(torch.cat([samples, spread], 1))
        return found


class Projecting(nn.Module):
    """A discriminator whose score is that of its features plus their product with a vector of the condition (Miyato &
    Koyama 2018, arXiv:1802.05637, equation 3)."""

    def __init__(self, body: nn.Module, code: Encoder) -> None:
        super().__init__()
        self.features, width, self.score = parted(body)
        self.code, self.direction = code, nn.Linear(code.width, width, bias=False)

    def forward(self, samples: Tensor, given: Tensor) -> Tensor:
        """Samples (batch, ...) and conditions (batch, ...) to scores (batch,)."""
        features = self.features(samples)
        found: Tensor = self.score(features) + (self.direction(self.code(given)) * features.flatten(1)).sum(1)
        return found


class Classifying(nn.Module):
    """A discriminator that scores samples without the condition, and names their class with a second output on the same
    features (Odena et al. 2017, arXiv:1610.09585)."""

    def __init__(self, body: nn.Module, count: int) -> None:
        super().__init__()
        self.features, width, self.score = parted(body)
        self.head = nn.Linear(width, count)

    def forward(self, samples: Tensor, given: Tensor) -> Tensor:
        """Samples (batch, ...) to scores (batch,)."""
        found: Tensor = self.score(self.features(samples))
        return found

    def classes(self, samples: Tensor) -> Tensor:
        """Samples (batch, ...) to the logits of their classes (batch, count)."""
        found: Tensor = self.head(self.features(samples).flatten(1))
        return found


def parted(body: nn.Module) -> tuple[nn.Module, int, nn.Module]:
    """A discriminator as what makes its features, how many there are when flat, and what makes scores (batch,) of them.

    Raises UnconditionableError for one that does not end in a linear layer, or a convolution over the whole map, with
    one output, and `nn.Flatten(0)`.
    """
    layers = list(body) if isinstance(body, nn.Sequential) else []
    last = layers[-2] if len(layers) > 1 and isinstance(layers[-1], nn.Flatten) else None
    if not isinstance(last, (nn.Linear, nn.Conv2d)) or len(last.weight) != 1:
        raise UnconditionableError("this discriminator does not end in one linear score of its features")
    return nn.Sequential(*layers[:-2]), last.weight[0].numel(), nn.Sequential(*layers[-2:])
