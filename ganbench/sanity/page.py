"""The page of the sanity suite: who notices what, in a table, a figure and sentences."""

import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

import jinja2

from ganbench import files, measures
from ganbench.protocol import Dataset
from ganbench.runs import Plan
from ganbench.sanity import figure
from ganbench.sanity.corruptions import SUITE, Corruption
from ganbench.sanity.responses import BAR, REDRAWS, Responses

BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"
PACKAGES = ("ganbench", "torch", "torch-fidelity", "numpy", "scikit-learn")


def write(plan: Plan, found: Sequence[Responses], folder: Path) -> Path:
    """Write sanity.md and a figure for each dataset. In a page that is there, only what lies between the two marks
    is replaced: what is written by hand around it stays."""
    for responses in found:
        figure.draw(responses, folder / _figure(responses))
    text = (
        _environment()
        .get_template("page.md")
        .render(
            plan=plan,
            suite=SUITE,
            bar=f"{BAR:g}",
            redraws=REDRAWS,
            found=[_section(plan, responses) for responses in found],
            versions=", ".join(
                [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in PACKAGES)]
            ),
        )
    )
    path = folder / "sanity.md"
    page = path.read_text("utf-8") if path.exists() else f"# Sanity suite\n\n{BEGIN}\n{END}\n"
    before, _, rest = page.partition(BEGIN)
    files.write_text(path, f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}")
    return path


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("ganbench", "sanity"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # Markdown
    )


def _figure(responses: Responses) -> str:
    return f"sanity-{responses.dataset.label}.svg"


def _section(plan: Plan, responses: Responses) -> dict[str, object]:
    """What the template shows of a dataset."""
    dataset = responses.dataset
    return {
        "label": dataset.label,
        "mixture": "mixture" in dataset.card.methods,
        "figure": _figure(responses),
        "count": responses.pool.count,
        "protocol": responses.protocol,
        "untested": untested(plan, dataset),
        "corruptions": responses.corruptions,
        "matrix": {
            measure.trait("title"): [cell(responses, name, corruption) for corruption in responses.corruptions]
            for name, measure in dataset.measures.items()
        },
        "sentences": [*blind_spots(responses), *(failures(responses, name) for name in dataset.measures)],
        "tables": [(corruption, _values(responses, corruption)) for corruption in responses.corruptions],
    }


def cell(responses: Responses, metric: str, corruption: Corruption) -> str:
    """The verdict on the strongest step; if the metric notices, from which step on."""
    verdicts = responses.verdicts(metric, corruption.title)
    if verdicts[-1] != "notices":
        return f"**{verdicts[-1]}**"
    first = max((i + 1 for i, verdict in enumerate(verdicts) if verdict != "notices"), default=0)
    return f"✓ {corruption.steps[first]:g}" if len(verdicts) > 1 else "✓"


def blind_spots(responses: Responses) -> list[str]:
    """A sentence for each corruption that no metric of the dataset notices at full strength."""
    unseen = [
        corruption.title
        for corruption in responses.corruptions
        if all(responses.verdicts(name, corruption.title)[-1] != "notices" for name in responses.dataset.measures)
    ]
    return [f"**No metric of {responses.dataset.label} notices {_listed(unseen)}.**"] if unseen else []


def failures(responses: Responses, metric: str) -> str:
    """Where a metric fails at full strength, or on the way there, in a sentence."""
    at: dict[str, list[str]] = {"misses": [], "fooled": [], "undefined": [], "on the way": []}
    for corruption in responses.corruptions:
        *early, last = responses.verdicts(metric, corruption.title)
        if last != "notices":
            at[last].append(corruption.title)
        if last != "fooled" and "fooled" in early:
            at["on the way"].append(f"{corruption.title} at {corruption.steps[early.index('fooled')]:g}")
    said = {
        "misses": "does not notice {}",
        "fooled": "is fooled by {}: it calls that better than real data",
        "undefined": "has no value for {}",
        "on the way": "is fooled on the way by {}",
    }
    parts = [said[kind].format(_listed(titles)) for kind, titles in at.items() if titles]
    title = responses.dataset.measures[metric].trait("title")
    return f"**{title}** {'; it '.join(parts) or 'notices all of them at full strength'}."


def untested(plan: Plan, dataset: Dataset) -> dict[str, list[str]]:
    """By what the dataset lacks, the titles of metrics for its kind of data that need it."""
    label = dataset.headline.extractor
    facts = measures.facts(dataset.card, dataset.extractors[label].card if label else None)
    found: dict[str, list[str]] = {}
    for card in plan.registry.cards["metric"].values():
        lacking = [need for need in card.traits["needs"] if need not in facts]
        if lacking and dataset.kind in card.traits["kinds"]:
            found.setdefault(" and ".join(lacking), []).append(card.traits["title"])
    return found


def _values(responses: Responses, corruption: Corruption) -> list[list[str]]:
    """A row per metric: its title, real data drawn anew, the real samples, and each step."""
    steps = responses.spoilt[corruption.title]
    return [
        [
            measure.trait("title"),
            f"{_number(responses.centre[name])} ± {_number(responses.spread[name], 1)}",
            *(_number(values[name]) for values in (responses.real, *steps)),
        ]
        for name, measure in responses.dataset.measures.items()
    ]


def _number(value: float | None, digits: int = 3) -> str:
    return "undefined" if value is None else f"{value:.{digits}g}" if abs(value) < 1000 else f"{value:,.0f}"


def _listed(items: Iterable[str]) -> str:
    """a, b and c."""
    *first, last = items
    return f"{', '.join(first)} and {last}" if first else last
