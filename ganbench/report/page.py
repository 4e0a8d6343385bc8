"""Render the page: one HTML file that needs no network, with its figures and tables beside it as files."""

import base64
import hashlib
import itertools
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from ganbench import files, layout, paper, runs
from ganbench.report import (
    across,
    charts,
    contests,
    derived,
    exports,
    figures,
    merged,
    numerals,
    overview,
    pictures,
    provenance,
    published,
    scenes,
    spread,
    standing,
    tuning,
    verdicts,
)
from ganbench.report.collect import MissingResultError, Pair, Results, collect
from ganbench.report.drawing import Drawing, safe
from ganbench.runs import Plan

HERE = Path(__file__).parent
SCRIPTS = ("tables.js", "charts.js", "lightbox.js")


@dataclass(frozen=True)
class Report:
    """The page's text, the texts of tables and the bytes of figures by their path beside it, and the files to copy."""

    html: str
    tables: dict[str, str]
    figures: dict[str, bytes]
    copies: dict[Path, Path]


def write(plan: Plan) -> None:
    """Collect the results of a plan and write its page, after everything that it links to."""
    _keep_study(plan)
    page = layout.report(plan.study.study)
    _write(render(collect(plan), page.parent / "samples"), page)


def compare(first: Path, second: Path) -> Path:
    """Write the page of two studies; each is a study file, or a folder with a copy of a study's results."""
    sides = [_side(path) for path in (first, second)]
    names = [side.name for side in sides]
    tags = (names[0], names[1]) if names[0] != names[1] else ("A", "B")
    page = layout.report(f"{names[0]}-vs-{names[1]}")
    both = merged.merge(sides[0], sides[1], tags)
    of = {tags[0]: first, tags[1]: second}
    _write(render(both, page.parent / "samples", merged.changes(both, tags), {t: str(p) for t, p in of.items()}), page)
    return page


def render(
    results: Results,
    beside: Path,
    changes: list[merged.Change] | None = None,
    sides: dict[str, str] | None = None,
) -> Report:
    """Everything of a report; equal results give equal bytes. `beside`: the folder of pictures that do not fit."""
    os.environ.setdefault("MPLBACKEND", "agg")
    standings = {name: standing.standing(results, name) for name in results.measures}
    versus = {pair: contests.contests(results, pair) for pair in results.pairs}
    drawings: list[Drawing] = []

    def drawn(drawing: Drawing | None) -> dict[str, Any] | None:
        if drawing is None:
            return None
        drawings.append(drawing)
        return {"svg": Markup(drawing.inline), "title": drawing.title, "name": drawing.name}

    ranked = across.ranks(results)
    tasks = across.tasks(results)
    rank_table = standing.rank_table(results)
    rankings = spread.rankings(results)
    shown, copies = pictures.gather(results, beside)
    histories = charts.thinned(results)
    data: dict[str, charts.Chart] = {}
    blocks = []
    for pair in results.pairs:
        chosen = [choice.median for choice in pictures.choices(results, pair).values()]
        name, key = ", ".join(pair), "/".join(pair)
        for kind, chart in (
            ("training", charts.learning(results, pair)),
            ("diagnostics", charts.diagnostics(results, pair, histories)),
        ):
            if chart is not None:
                data[f"{kind}/{key}"] = chart
        blocks.append(
            {
                "pair": pair,
                "name": name,
                "key": key,
                "seeds": drawn(figures.seeds(results, pair, standings[results.headline(pair[0])])),
                "training": drawn(figures.training(results, pair)),
                "diagnostics": drawn(figures.diagnostics(results, pair, histories)),
                "film": drawn(scenes.film(results, pair, chosen)),
                "surface": drawn(scenes.surface(results, pair, chosen)),
                "masses": drawn(scenes.masses(results, pair, chosen)),
                "sheets": pictures.rows(shown.get((pair, "samples"), [])),
                "conditions": shown.get((pair, "samples by condition"), []),
                "form": results.datasets[pair[0]].form,
                "captions": pictures.captions(results, shown.get((pair, "samples by condition"), [])),
                "interpolations": shown.get((pair, "interpolations"), []),
                "neighbours": shown.get((pair, "nearest training images"), []),
                "contests": _contests(results, pair, standings, versus[pair]),
                "derived": _derived(results, pair),
            }
        )
    script = "\n".join((HERE / name).read_text("utf-8") for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    heads = results.headlines
    machines = provenance.machines(results)
    table = published.table(results)
    context = {
        "results": results,
        "plan": results.plans[0],
        "changes": changes,
        "sides": sides,
        "style": Markup((HERE / "style.css").read_text("utf-8")),
        "script": Markup(script),
        "script_hash": digest,
        "charts": Markup(charts.embedded(data)),
        "statuses": results.runs.status.value_counts().to_dict(),
        "verdicts": [
            *_changed(changes, sides),
            *([] if table is None else [table.sentence]),
            *verdicts.verdicts(results, standings, versus),
        ],
        "headline": [standings[name] for name in heads],
        "others": [table for name, table in standings.items() if name not in heads],
        "best": _best_checkpoints(results),
        "ranks": rank_table,
        "ranked": ranked,
        "tasks": tasks,
        "ranks_figure": drawn(overview.ranks(results, rank_table)) if len(results.rows) > 1 else None,
        "profiles": drawn(overview.profiles(tasks)) if tasks else None,
        "diagram": drawn(overview.diagram(ranked)) if ranked and ranked.diagram else None,
        "cost_figure": drawn(overview.cost(results, standings)),
        "stability": drawn(overview.rankings(rankings)) if rankings else None,
        "rankings": rankings,
        "splits": spread.splits(results),
        "failure_rates": spread.failures(results),
        "failures": provenance.failures(results),
        "cost": _cost(results),
        "blocks": blocks,
        "tuning": tuning.section(results, standings, drawn),
        "formulas": derived.FORMULAS,
        "runs": results.runs.to_dict("records"),
        "recipes": provenance.recipes(results),
        "architectures": provenance.architectures(results),
        "machines": machines,
        "hardware": provenance.hardware(machines),
        "commands": provenance.commands(results) if sides is None else [],
        "studies": [(provenance.shown(plan.file), plan.file.read_text("utf-8"), plan) for plan in results.plans],
        "fewest_seeds": contests.FEWEST_SEEDS,
        "most_methods": contests.MOST_METHODS,
        "published": table,
        "verdict_rules": published.VERDICTS,
        "tiers": paper.TIERS,
        "spreads": paper.SPREADS,
    }
    html = environment().get_template("page.html").render(context)
    return Report(
        html,
        _tables(results, standings, rank_table, versus) | ({} if table is None else exports.published_files(table)),
        {f"figures/{d.name}.{form}": of for d in drawings for form, of in (("svg", d.svg.encode()), ("pdf", d.pdf))},
        copies,
    )


def _write(report: Report, page: Path) -> None:
    """The page last, in a folder without figures and tables of earlier studies."""
    for name in ("figures", "tables", "samples"):
        shutil.rmtree(page.parent / name, ignore_errors=True)
    for name, text in report.tables.items():
        files.write_text(page.parent / name, text)
    for name, content in report.figures.items():
        with files.replacing(page.parent / name) as temporary:
            temporary.write_bytes(content)
    for target, source in report.copies.items():
        with files.replacing(target) as temporary:
            shutil.copyfile(source, temporary)
    files.write_text(page, report.html)


def _tables(
    results: Results,
    standings: dict[str, standing.Standing],
    ranks: dict[str, list[float | None]],
    versus: dict[Pair, list[contests.Contest]],
) -> dict[str, str]:
    """The texts of all tables by their path."""
    pairs = [", ".join(pair) for pair in results.pairs]
    tables = {
        "runs.csv": results.runs.to_csv(index=False, lineterminator="\n"),
        "evaluations.csv": results.evaluations.to_csv(index=False, lineterminator="\n"),
        "tables/cells.csv": exports.cells_csv(list(standings.values())),
        "tables/pairs.csv": exports.pairs_csv(itertools.chain.from_iterable(versus.values())),
        "tables/ranks.csv": exports.table_csv(["method", *pairs], [[row, *of] for row, of in ranks.items()]),
        "tables/ranks.tex": exports.ranks_tex(results, ranks),
    }
    return tables | {f"tables/{safe(name)}.tex": exports.standing_tex(standings[name]) for name in standings}


def environment() -> jinja2.Environment:
    """The templates beside this file."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    for name in ("number", "span", "percent", "p_value", "plural"):
        environment.filters[name] = getattr(numerals, name)
    environment.filters["marked"] = marked
    return environment


def marked(text: str) -> Markup:
    """A docstring's text, with what stands between backticks as code."""
    return Markup(re.sub(r"`+([^`]+)`+", r"<code>\1</code>", str(escape(text))))


def _contests(
    results: Results, pair: Pair, standings: dict[str, standing.Standing], all_pairs: list[contests.Contest]
) -> list[contests.Contest]:
    """All pairs of a few methods; of many, the best against each other one."""
    cells = standings[results.headline(pair[0])].column(pair)
    leader = next((row for row, cell in cells.items() if cell.best), None)
    if leader is None or len(cells) <= contests.MOST_METHODS:
        return all_pairs
    return contests.contests(results, pair, leader)


def _changed(changes: list[merged.Change] | None, sides: dict[str, str] | None) -> list[str]:
    """The first sentence of a comparison."""
    if changes is None or sides is None:
        return []
    first, second = sides
    return merged.sentences(changes, (first, second))


def _best_checkpoints(results: Results) -> list[standing.Standing]:
    if not (results.evaluations.checkpoint == "snapshot").any():
        return []
    judged = [name for name in results.headlines if results.measures[name].trait("direction") != "none"]
    return [standing.standing(results, name, "best") for name in judged]


def _derived(results: Results, pair: Pair) -> dict[str, Any] | None:
    """Per method what its curves of the headline say, in the order of derived.FORMULAS: medians over seeds."""
    limits: dict[Pair, float] = {}
    for plan in reversed(results.plans):
        of = results.evaluations if len(results.plans) == 1 else results.evaluations.iloc[:0]
        limits |= derived.thresholds(plan, of)
    if results.curve(pair).empty or pair not in limits:
        return None
    rows = {}
    for method in results.methods:
        runs = results.runs
        of = runs[(runs.dataset == pair[0]) & (runs.architecture == pair[1]) & (runs.method == method)]
        if of.empty:
            continue
        reached = of.steps_to_threshold.dropna()
        texts = {name: numerals.number(of[name].median()) for name in derived.FORMULAS}
        if results.datasets[pair[0]].headline.trait("direction") != "none":
            median = f"{reached.median():,.0f}" if len(reached) else "not reached"
            texts["steps_to_threshold"] = f"{median} ({len(reached)} of {len(of)})"
        rows[method] = list(texts.values())
    given = results.datasets[pair[0]].evaluation.threshold is not None
    return {
        "rows": rows,
        "threshold": limits[pair],
        "from": "set by the study" if given else "the median of what the runs end with",
    }


def _cost(results: Results) -> dict[str, list[tuple[str, float | None]]]:
    """Per method: discriminator steps per generator step, memory, then seconds per run for each pair, the median over
    seeds; as text and as number."""
    rows: dict[str, list[tuple[str, float | None]]] = {}
    for method in results.methods:
        of = results.runs[results.runs.method == method]
        n_critic = sorted({r.spec["method"]["n_critic"] for r in results.planned.values() if r.method == method})
        gpu = of.gpu_megabytes.astype(float).max()
        seconds = of.groupby(["dataset", "architecture"]).seconds.median()
        rows[method] = [
            (" or ".join(map(str, n_critic)), float(n_critic[0])),
            (f"{of.megabytes.max():.0f}", float(of.megabytes.max())),
            (numerals.number(gpu), float(gpu) if gpu == gpu else None),
            *((f"{seconds[p]:.1f}", float(seconds[p])) if p in seconds.index else ("·", None) for p in results.pairs),
        ]
    return rows


def _side(path: Path) -> Results:
    """The results of a study file, or of a folder that holds a copy of results. Raises MissingResultError."""
    if not path.is_dir():
        return collect(runs.plan(path))
    study = layout.study(path)
    if not study.exists():
        raise MissingResultError(f"{study} is missing; `ganbench report STUDY` puts it there when it makes a page")
    return collect(runs.plan(study), path)


def _keep_study(plan: Plan) -> None:
    """The study file beside its results, with the plugins that it names, so that a copy of them can be read later."""
    kept = layout.study(layout.results(plan.study.study))
    shutil.rmtree(kept.parent, ignore_errors=True)
    files.write_text(kept, plan.file.read_text("utf-8"))
    for name in plan.study.plugins:
        target = kept.parent / name
        if target.resolve().is_relative_to(kept.parent.resolve()):  # others cannot be found from a copy
            files.write_text(target, (plan.file.parent / name).read_text("utf-8"))
