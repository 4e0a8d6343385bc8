"""Render the page: one HTML file that needs no network, and two CSV files, a row per run and one per evaluation."""

import base64
import os
import shlex
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ganbench import files, layout, yamlfile
from ganbench.method import layers
from ganbench.report import derived, figures, tables
from ganbench.report.collect import Results, collect
from ganbench.runs import Plan, Run

HERE = Path(__file__).parent


def write(plan: Plan) -> None:
    """Collect the results of a plan and write `index.html`, `runs.csv` and `evaluations.csv`, the page last."""
    os.environ.setdefault("MPLBACKEND", "agg")
    results = collect(plan)
    html = render(results)
    name = plan.study.study
    for path, table in ((layout.runs_table, results.runs), (layout.evaluations_table, results.evaluations)):
        files.write_text(path(name), table.to_csv(index=False, lineterminator="\n"))
    files.write_text(layout.report(name), html)


def render(results: Results) -> str:
    """The page as text; equal results give equal bytes."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["number"] = tables.number
    plan = results.plan
    metric_tables = {name: tables.metric_table(results, name) for name in results.measures}
    shown_first = list(dict.fromkeys(results.headline(dataset) for dataset in plan.datasets))
    return environment.get_template("page.html").render(
        plan=plan,
        results=results,
        style=Markup((HERE / "style.css").read_text("utf-8")),
        statuses=results.runs.status.value_counts().to_dict(),
        verdicts=tables.verdicts(metric_tables, results),
        headline=[metric_tables[name] for name in shown_first],
        others=[table for name, table in metric_tables.items() if name not in shown_first],
        cost=tables.cost_rows(results),
        seed_figures=[_figure(figures.seeds(results, d, a), d, a) for d, a in results.pairs],
        best=[tables.metric_table(results, name, "best") for name in shown_first if _has_best(results, name)],
        over_training=[_over_training(results, d, a) for d, a in results.pairs] if _has_curves(results) else [],
        formulas=derived.FORMULAS,
        curve_figures=[_figure(figures.curves(results, d, a), d, a) for d, a in results.pairs],
        samples=[_samples(results, d, a) for d, a in results.pairs],
        failures=results.runs[results.runs.status != "ok"].to_dict("records"),
        runs=results.runs.to_dict("records"),
        measures=results.measures,
        recipes=_recipes(results),
        architectures=_architectures(results),
        provenance=next(iter(results.records.values()))["training"]["provenance"],
        study_text=plan.file.read_text("utf-8"),
        rerun=f"snakemake --cores 8 --resources gpu=4 --configfile {shlex.quote(str(_shown(plan.file)))}",
        file=_shown(plan.file),
    )


def _shown(file: Path) -> Path:
    """The study file as it is called from here: a page says nothing of its maker's folders."""
    return file.resolve().relative_to(Path.cwd()) if file.resolve().is_relative_to(Path.cwd()) else Path(file.name)


def _figure(svg: str, dataset: str, architecture: str) -> dict[str, Any]:
    return {"svg": Markup(svg), "title": f"{dataset}, {architecture}"}


def _has_curves(results: Results) -> bool:
    return bool((results.evaluations.checkpoint == "snapshot").any())


def _has_best(results: Results, metric: str) -> bool:
    """Whether best checkpoints were selected on a metric."""
    return _has_curves(results) and results.measures[metric].trait("direction") != "none"


def _over_training(results: Results, dataset: str, architecture: str) -> dict[str, Any]:
    """The curve of the headline, and what is derived from it."""
    watched = next(iter(results.plan.datasets[dataset].watched.values()))
    limits = derived.thresholds(results.plan, results.evaluations)
    given = results.plan.datasets[dataset].evaluation.threshold is not None
    return {
        **_figure(figures.over_training(results, dataset, architecture), dataset, architecture),
        "measure": watched,
        "threshold": limits.get((dataset, architecture)),
        "threshold_from": "set by the study" if given else "the median of what the runs end with",
        "rows": tables.derived_rows(results, dataset, architecture),
    }


def _samples(results: Results, dataset: str, architecture: str) -> dict[str, Any]:
    """Samples of the first seed of each method: the same seed for all, chosen by nobody."""
    seed = results.plan.study.seeds[0]
    chosen = [
        run for run in results.plan.runs if (run.dataset, run.architecture, run.seed) == (dataset, architecture, seed)
    ]
    shown: dict[str, Any] = {"title": f"{dataset}, {architecture}", "seed": seed, "svg": None, "images": []}
    if results.references[dataset]["modes"] is not None:
        shown["svg"] = Markup(figures.scatter(results, dataset, architecture, chosen))
    else:
        shown["images"] = [{"method": run.method, "uri": _uri(results, run)} for run in chosen]
    return shown


def _uri(results: Results, run: Run) -> str | None:
    path = results.plan.folder(run) / layout.SHEET
    if not path.exists():
        return None
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"


def _recipes(results: Results) -> list[dict[str, Any]]:
    """Per method and kind of data: what it was, in full, and where it is from."""
    plan, found = results.plan, []
    entries = {entry.label: entry for entry in plan.study.methods}
    seen: dict[tuple[str, str], Run] = {}
    for run in plan.runs:
        seen.setdefault((run.method, plan.datasets[run.dataset].kind), run)
    for (label, kind), run in seen.items():
        entry = entries.get(label) or entries[label.removesuffix("-shared")]
        recipe = yamlfile.read(plan.registry.recipes[entry.name])
        bases = [layer.get("citation") for layer in layers(plan.registry, entry.name, entry.settings.get("base"))]
        found.append(
            {
                "label": label,
                "kind": kind,
                "title": recipe.get("title", entry.name),
                "citation": " On top of: ".join(str(c).strip() for c in reversed(bases) if c),
                "settings": _flat(run.spec["method"]),
            }
        )
    return found


def _architectures(results: Results) -> dict[str, dict[str, Any]]:
    """Per architecture: what it is, and its settings on each dataset, which a method's penalty may have changed."""
    found: dict[str, dict[str, Any]] = {}
    for run in results.plan.runs:
        spec = run.spec["architecture"]
        about = results.plan.registry.card("architecture", spec["name"]).about
        shown = found.setdefault(run.architecture, {"about": about, "settings": {}})
        budget = run.spec["training"]
        settings = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in spec["settings"].items())
        settings += f"; {budget['generator_steps']:,} generator steps of {budget['batch_size']} samples"
        texts = shown["settings"].setdefault(run.dataset, {})
        texts.setdefault(settings, []).append(run.method)
    for shown in found.values():
        shown["settings"] = {
            dataset if len(texts) == 1 else f"{dataset}, {', '.join(dict.fromkeys(methods))}": settings
            for dataset, texts in shown["settings"].items()
            for settings, methods in texts.items()
        }
    return found


def _flat(method: dict[str, Any]) -> list[tuple[str, str]]:
    lines = []
    for key, value in method.items():
        if isinstance(value, dict):
            inside = value.get("settings", {k: v for k, v in value.items() if k != "name"})
            written = ", ".join(f"{k} {v}" for k, v in inside.items())
            named = f"{value['name']} ({written})" if "name" in value and written else value.get("name", written)
            lines += [(key, named)] if named else []
        elif value not in (None, [], False):
            lines.append((key, str(value)))
    return lines
