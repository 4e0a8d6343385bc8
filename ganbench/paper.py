"""The `paper:` section of a study: a published table as data.

The study is the protocol; the section holds what was published, values with what their spread means and claims, where
the reference code departs from its paper, and how far a run on a small machine falls short of the protocol. The page
then says how well the study reproduces it.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, PositiveFloat, PositiveInt, Tag, model_validator
from pydantic import Field as Key

from ganbench.method import Strict


def _as_names(given: Any) -> Any:
    """A name alone as a tuple of it; and lists as tuples, because what a validator returns is no longer JSON."""
    return (given,) if isinstance(given, str) else tuple(given) if isinstance(given, list) else given


Name = Annotated[str, Key(min_length=1)]
Names = Annotated[tuple[Name, ...], Key(min_length=1), BeforeValidator(_as_names)]
"""One, or a list."""
Share = Annotated[float, Key(gt=0, le=1)]
Trials = Annotated[int, Key(ge=2)]
Runs = PositiveInt | Literal["unknown"]
Spread = Literal["sd", "se", "sampling", "unknown"]
FAILED: Literal["fail"] = "fail"

TIERS = {
    "exact-cpu": "The whole protocol is known and fits a CPU",
    "exact-gpu": "The whole protocol is known and needs a GPU",
    "shape": "The protocol is not known well enough to compare values: only orders are checked",
}
SPREADS = {
    "sd": "standard deviation over training runs",
    "se": "standard error over training runs",
    "sampling": "spread over samples of one trained generator, which says nothing about training again",
    "unknown": "not said",
}


class Place(Strict):
    """Where in the study a number is found; what is not said follows from the study if there is only one."""

    dataset: Name | None = None
    """A dataset's label."""
    architecture: Name | None = None
    """An architecture's label."""
    method: Names | None = None
    """A method's label. Of several, the paper gives the best, and so does the page."""
    metric: Name | None = None
    """A column, such as `modes_2500`."""
    weights: Literal["raw", "ema"] | None = None
    """Of the generator; raw if not given."""
    checkpoint: Literal["final", "best"] | None = None
    """The last one, or the best by the headline over training; the last if not given."""
    not_run: Name | None = None
    """Why this study has no such number."""


class Value(Strict):
    """A published number. `6.3`, `[6.3, 0.5]` with its spread, or a mapping where something differs from the table."""

    value: float | Literal["fail"]
    """The number; `fail` where the paper says that training failed."""
    spread: Annotated[float, Key(ge=0)] | None = None
    """What stands behind ±."""
    spread_is: Spread | None = None
    """What this spread means, if not what the row's do."""
    runs: Runs | None = None
    """Training runs behind the number, if not as many as the row's."""
    margin: PositiveFloat | None = None
    """How far off is still the same, if not the column's."""
    source: Name | None = None
    """Where it stands, if not where the table does."""


def _as_value(given: Any) -> Any:
    """`6.3` and `[6.3, 0.5]` in full."""
    if isinstance(given, list) and len(given) == 2:
        return {"value": given[0], "spread": given[1]}
    return given if isinstance(given, dict) or given is None else {"value": given}


class Column(Place):
    """A column of the published table."""

    title: Name
    """Its head."""
    margin: PositiveFloat | None = None
    """How far off, in the metric's unit, a number is still the same: the equivalence margin."""
    relative_margin: PositiveFloat | None = None
    """The same as a share of the published value."""

    @model_validator(mode="after")
    def _one_margin(self) -> "Column":
        if self.margin is not None and self.relative_margin is not None:
            raise ValueError("give one of margin and relative_margin")
        return self


class Row(Place):
    """A row of the published table."""

    title: Name
    """Its head."""
    values: tuple[Annotated[Value | None, BeforeValidator(_as_value)], ...]
    """A value for each column, null where the paper has none."""
    source: Name | None = None
    """Where the row stands, if not where the table does."""
    spread_is: Spread | None = None
    """What ± means in this row, if not what it does in the table."""
    runs: Runs | None = None
    """Training runs behind each number of this row, if not as many as the table's."""


class _Claim(Strict):
    claim: Name
    """The claim, as a sentence."""
    source: Name | None = None
    """Where it stands; the table's place if not given."""
    metric: Name
    """The column that it is about."""
    datasets: Names | None = None
    """Labels; all that have the metric if not given."""
    architectures: Names | None = None
    """Labels; all if not given."""


class Order(_Claim):
    """A claim that some methods are better than others."""

    better: Names
    """Methods that are better ..."""
    worse: Names
    """... than each of these."""
    holds: Literal["on average", "in every pair of seeds"] = "on average"
    """Whether averages are compared, or each pair of runs with one seed."""


class Success(_Claim):
    """A claim about how many runs of some methods reach a value."""

    methods: Names
    """Each of these."""
    at_least: float | None = None
    """A run succeeds from this value on; a run without a number does not."""
    at_most: float | None = None
    """A run succeeds up to this value; a run without a number does not."""
    runs: Literal["all", "most", "few", "none"] = "all"
    """How many runs succeed: `most` is more than half, `few` less."""

    @model_validator(mode="after")
    def _one_limit(self) -> "Success":
        _one_of(self.at_least, self.at_most)
        return self


class Lead(_Claim):
    """A claim that one method reaches a value where another does not more often than the other way round."""

    more: Name
    """The method that succeeds more often ..."""
    than: Name
    """... than this one, on the same dataset, architecture and seed."""
    at_least: float | None = None
    """A run succeeds from this value on."""
    at_most: float | None = None
    """A run succeeds up to this value."""

    @model_validator(mode="after")
    def _one_limit(self) -> "Lead":
        _one_of(self.at_least, self.at_most)
        return self


def _one_of(at_least: float | None, at_most: float | None) -> None:
    if (at_least is None) == (at_most is None):
        raise ValueError("give exactly one of at_least and at_most")


ORDER, SUCCESS, LEAD = "an order", "a success", "a lead"  # tags of a union, which pydantic puts into its key paths


def _kind(given: Any) -> str:
    keys = set(given) if isinstance(given, dict) else set(getattr(given, "model_fields_set", ()))
    return LEAD if keys & {"more", "than"} else SUCCESS if "methods" in keys else ORDER


Claim = Annotated[
    Annotated[Order, Tag(ORDER)] | Annotated[Success, Tag(SUCCESS)] | Annotated[Lead, Tag(LEAD)], Discriminator(_kind)
]


class Deviation(Strict):
    """Where the reference code is not what its paper says, or is in error: two entries of the study, side by side."""

    what: Name
    """What the reference code does."""
    source: Name
    """The file."""
    kind: Literal["dataset", "architecture", "method"]
    """Of what the two are entries."""
    faithful: Name
    """The label of what the reference code does."""
    fixed: Name
    """The label of what it should do."""


class Budget(Strict):
    """How a run falls short of the protocol, so that it ends on a small machine. Remove this key for the protocol."""

    steps: Share = 1.0
    """The share of training steps."""
    seeds: PositiveInt | None = None
    """The first so many seeds."""
    datasets: Names | None = None
    """Only these labels; the other cells are not run."""
    architectures: Names | None = None
    """Only these labels."""
    methods: Names | None = None
    """Only these entries, each with all the settings that it runs with."""
    trials: Trials | None = None
    """The first so many trials of each search."""

    @model_validator(mode="after")
    def _takes_something_away(self) -> "Budget":
        if not self.reduced and self.datasets is self.architectures is self.methods is None:
            raise ValueError("a budget takes something away; remove the key for the whole protocol")
        return self

    @property
    def reduced(self) -> bool:
        """Whether what is run is run for fewer steps, seeds or trials than the protocol asks for."""
        return self.steps < 1 or self.seeds is not None or self.trials is not None

    @property
    def text(self) -> str:
        """`10 % of the steps, 3 seeds, 5 trials of each search, 2 of the methods`."""
        parts = [f"{100 * self.steps:g} % of the steps"] if self.steps < 1 else []
        parts += [f"{self.seeds} {'seed' if self.seeds == 1 else 'seeds'}"] if self.seeds is not None else []
        parts += [f"{self.trials} trials of each search"] if self.trials is not None else []
        for kind in ("datasets", "architectures", "methods"):
            named = getattr(self, kind)
            parts += [f"{len(named)} of the {kind}"] if named is not None else []
        return ", ".join(parts)


class Paper(Strict):
    """A published table."""

    title: Name
    """Of the paper."""
    citation: Name
    """Authors, venue, year, arXiv."""
    table: Name
    """Which table or figure."""
    source: Name
    """Where its numbers were read: page or file."""
    protocol: Name
    """Where its protocol was read."""
    tier: Literal["exact-cpu", "exact-gpu", "shape"]
    """How far the protocol is known, and what it takes."""
    spread: Spread = "unknown"
    """What ± means in this table."""
    runs: Runs = "unknown"
    """Training runs behind each number."""
    columns: tuple[Column, ...] = ()
    """The published columns."""
    rows: tuple[Row, ...] = ()
    """The published rows."""
    claims: tuple[Claim, ...] = ()
    """What the paper says beside its numbers, or what follows from them."""
    deviations: tuple[Deviation, ...] = ()
    """Variants: the reference code as it is, and put right."""
    departures: tuple[Name, ...] = ()
    """Where this study is not the paper's protocol."""
    remarks: tuple[Name, ...] = ()
    """What was tried where measured numbers are not the published ones."""
    budget: Budget | None = None
    """What is left of the protocol; without it, all."""

    @model_validator(mode="after")
    def _rectangular(self) -> "Paper":
        for row in self.rows:
            if len(row.values) != len(self.columns):
                raise ValueError(f"row '{row.title}' has {len(row.values)} values for {len(self.columns)} columns")
        if not (self.rows or self.claims):
            raise ValueError("a paper has rows, or claims")
        return self


CLAIMS: dict[str, type[Strict]] = {ORDER: Order, SUCCESS: Success, LEAD: Lead}

SECTIONS: dict[str, type[Strict]] = {
    "columns": Column,
    "rows": Row,
    "values": Value,
    "deviations": Deviation,
    "budget": Budget,
}


def known_keys(path: list[str | int], tag: str | None) -> Iterable[str]:
    """The valid keys beside the last one of a key path inside the section."""
    inner = next((SECTIONS[str(part)] for part in reversed(path[:-1]) if part in SECTIONS), Paper)
    return CLAIMS.get(tag or "", inner).model_fields


Labels = dict[str, list[str]]
"""The labels of a study by kind: `dataset`, `architecture`, `method`."""
