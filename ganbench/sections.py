"""The sections of a study that a dataset may change: how runs are trained, and how they are evaluated."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, NonNegativeInt, PositiveFloat, PositiveInt, Tag
from pydantic import Field as Key

from ganbench.method import Strict

Engine = Literal["auto", "pack", "single"]
Samples = Annotated[int, Key(ge=2)]
SECONDS_IN = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(given: Any) -> Any:
    """`90s`, `10m`, `1.5h` or `2d` in seconds; what is no text stays as it is. Raises ValueError."""
    if not isinstance(given, str):
        return given
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([smhd])", given)
    if found is None:
        raise ValueError("a duration is a number of seconds, or a number with s, m, h or d, such as 90s or 1.5h")
    return float(found[1]) * SECONDS_IN[found[2]]


Duration = Annotated[PositiveFloat, BeforeValidator(seconds)]
NULL_MEANS_ALL = ("metrics", "extractor", "threshold")
COUNT_OF, LIST_OF = "a number of them", "a list of them"  # tags of a union, which pydantic puts into its key paths
Snapshots = Annotated[
    Annotated[NonNegativeInt, Tag(COUNT_OF)] | Annotated[tuple[PositiveInt, ...], Tag(LIST_OF)],
    Discriminator(lambda given: LIST_OF if isinstance(given, (list, tuple)) else COUNT_OF),
]


class Training(Strict):
    """The training budget of a run. Exactly one of the two step counts is given."""

    generator_steps: PositiveInt | None = None
    """Steps of the generator."""
    discriminator_steps: PositiveInt | None = None
    """Steps of the discriminator, for methods with different `n_critic` at equal discriminator work."""
    batch_size: PositiveInt = 64
    """Real samples, and as many generated ones, in each step."""
    log_every: PositiveInt = 50
    """Generator steps between two rows of the history."""
    snapshots: Snapshots = 10
    """How many times, the end included, or at which steps a generator is kept for evaluation over training."""
    engine: Engine = "auto"
    """`auto` trains runs of points in packs, `pack` all that can be, `single` each by itself: the reference."""
    runs_per_job: PositiveInt | None = None
    """Runs that one process trains, together in a pack or one after the other; of no interest to results. Without it,
    packs of 4, or of 8 where there are many, and others alone; more in a study of many thousands."""
    checkpoint_every: Duration | None = 300.0
    """Seconds, or e.g. `10m`, between two checkpoints, from which an interrupted run goes on; `null`: only when it is
    asked to end. Of no interest to results."""
    time_limit: Duration | None = None
    """Seconds, or e.g. `2h`, after which a run ends with the status `timeout` and what it has reached."""
    precision: Literal["fp32", "tf32", "bf16"] = "fp32"
    """Of products and convolutions: float32 throughout, rounded by the GPU, or mixed with bfloat16."""
    channels_last: bool = True
    """Whether images lie in memory pixel by pixel, which is faster; rounding differs."""
    compile: bool = False
    """Whether networks are compiled (torch.compile), which takes a minute before the first step; rounding differs."""

    @property
    def numerics(self) -> dict[str, Any]:
        """What differs from the default precision, layout and kernels: a spec names only that, so older digests stay
        true."""
        named = {"precision": self.precision, "channels_last": self.channels_last, "compile": self.compile}
        return {key: value for key, value in named.items() if value != Training.model_fields[key].default}

    def snapshot_steps(self, steps: int) -> list[int]:
        """The generator steps, before the last, after which a generator is kept."""
        if isinstance(self.snapshots, int):
            count = min(self.snapshots, steps)
            wanted = {round(steps * i / count) for i in range(1, count)}
        else:
            wanted = set(self.snapshots)
        return sorted(step for step in wanted if 0 < step < steps)

    def beyond(self, steps: int) -> list[int]:
        """Steps at which a generator should be kept and that a training of `steps` never reaches."""
        return [] if isinstance(self.snapshots, int) else sorted({step for step in self.snapshots if step > steps})


class TrainingChanges(Strict):
    """What differs on one dataset."""

    generator_steps: PositiveInt | None = None
    discriminator_steps: PositiveInt | None = None
    batch_size: PositiveInt | None = None
    log_every: PositiveInt | None = None
    snapshots: Snapshots | None = None
    engine: Engine | None = None
    runs_per_job: PositiveInt | None = None
    checkpoint_every: Duration | None = None
    time_limit: Duration | None = None
    precision: Literal["fp32", "tf32", "bf16"] | None = None
    channels_last: bool | None = None
    compile: bool | None = None


class MetricEntry(Strict):
    """A metric of a study; what it does not say is the evaluation's."""

    name: str
    """A metric, or a column such as `fd_10k`."""
    samples: Samples | None = None
    """Generated samples that it sees."""
    extractor: str | None = None
    """What it sees images through."""
    settings: dict[str, Any] = Key(default_factory=dict)
    """The metric's own settings, written beside these keys."""


MetricEntries = Annotated[tuple[MetricEntry, ...], Key(min_length=1)]


class Evaluation(Strict):
    """How a trained generator is measured. `metrics: null`: all that apply; `extractor: null`: the dataset's own."""

    samples: Samples = 10_000
    """Generated samples for each metric."""
    metrics: MetricEntries | None = None
    """Names, or mappings; without it, all that apply."""
    extractor: str | None = None
    """What images are seen through; without it, the dataset's own."""
    snapshot_samples: Samples = 2_000
    """Generated samples for each snapshot during training."""
    resamples: NonNegativeInt = 2
    """On how many further samples of its own the headline of a final generator is measured."""
    threshold: float | None = None
    """The value of the headline metric that counts as reached."""
    runs_per_job: PositiveInt | None = None
    """Runs that one process measures, one after the other; of no interest to results. Without it, eight, and more in a
    study of many thousands."""


class EvaluationChanges(Strict):
    """What differs on one dataset."""

    samples: Samples | None = None
    metrics: MetricEntries | None = None
    extractor: str | None = None
    snapshot_samples: Samples | None = None
    resamples: NonNegativeInt | None = None
    threshold: float | None = None
    runs_per_job: PositiveInt | None = None
