"""Where the numbers come from: recipes, architectures, machines, and the commands that make them again."""

import shlex
from pathlib import Path
from typing import Any

from ganbench import layout, yamlfile
from ganbench.method import layers
from ganbench.report.collect import Results
from ganbench.runs import Plan
from ganbench.work import Run

LOG_LINES = 12


def commands(results: Results) -> list[tuple[str, str]]:
    """What to type to make everything again, one cell, and one run; the first of each stands for the others."""
    plan = results.plans[0]
    call = f"snakemake --configfile {shlex.quote(str(shown(plan.file)))} --cores 8"
    run = plan.runs[0]
    cell = [other for other in plan.runs if other.cell == run.cell]
    homes = {other.id: layout.run(plan.study.study, other.id) for other in cell}
    return [
        ("the study", f"{call} --resources gpu=4"),
        (f"one cell, {run.cell}", _again(plan, cell, homes[run.id].parent, call)),
        (f"one run, {run.id}", _again(plan, [run], homes[run.id], call)),
    ]


def _again(plan: Plan, runs: list[Run], folder: Path, call: str) -> str:
    """Remove results, and ask for the jobs that make them; the jobs' other runs are kept."""
    jobs = [job for job in plan.evaluation_jobs.values() if any(run in job.runs for run in runs)]
    targets = " ".join(shlex.quote(str(plan.marker(job))) for job in jobs)
    return f"rm -r {shlex.quote(str(folder))} && {call} {targets}"


def shown(file: Path) -> Path:
    """The study file as it is called from here: a page says nothing of its maker's folders."""
    return file.resolve().relative_to(Path.cwd()) if file.resolve().is_relative_to(Path.cwd()) else Path(file.name)


def machines(results: Results) -> list[dict[str, Any]]:
    """Each set of versions and hardware that runs were trained on, with the number of runs. Of a pack only what its
    members have in common."""
    found: list[dict[str, Any]] = []
    for record in results.records.values():
        provenance = dict(record["training"]["provenance"])
        if "pack" in provenance:
            provenance["pack"] = {key: provenance["pack"][key] for key in ("width", "products", "memory")}
        known = next((entry for entry in found if entry["provenance"] == provenance), None)
        if known is None:
            found.append({"provenance": provenance, "runs": 1})
        else:
            known["runs"] += 1
    return found


def hardware(of: list[dict[str, Any]]) -> list[str]:
    """The processors and GPUs of some machines by name, each once."""
    known = (machine["provenance"] for machine in of)
    return list(dict.fromkeys(p["processor"] if p["device"] == "cpu" else p["device"] for p in known))


def recipes(results: Results) -> list[dict[str, Any]]:
    """Per method and kind of data: what it was, in full, and where it is from."""
    found = []
    for plan in results.plans:
        entries = {entry.label: entry for entry in plan.study.methods}
        seen: dict[tuple[str, str], Run] = {}
        for run in plan.runs:
            where = plan.datasets[run.dataset].kind
            if "tuning" in run.spec:  # each cell found settings of its own
                where = f"{run.dataset} with {run.architecture}"
            seen.setdefault((run.method, where), run)
        for (label, kind), run in seen.items():
            entry = entries.get(label) or entries[label.removesuffix("-shared").removesuffix("-tuned")]
            recipe = yamlfile.read(plan.registry.recipes[entry.name])
            bases = [layer.get("citation") for layer in layers(plan.registry, entry.name, entry.settings.get("base"))]
            found.append(
                {
                    "label": label if len(results.plans) == 1 else f"{plan.study.study}: {label}",
                    "kind": kind,
                    "title": recipe.get("title", entry.name),
                    "citation": " On top of: ".join(str(c).strip() for c in reversed(bases) if c),
                    "settings": _flat(results.planned.get(run.id, run).spec["method"]),
                }
            )
    return found


def architectures(results: Results) -> dict[str, dict[str, Any]]:
    """Per architecture: what it is, and its settings on each dataset, which a method's penalty may have changed."""
    found: dict[str, dict[str, Any]] = {}
    for run in results.planned.values():
        spec = run.spec["architecture"]
        about = results.plans[0].registry.card("architecture", spec["name"]).about
        used = found.setdefault(run.architecture, {"about": about, "settings": {}})
        budget = run.spec["training"]
        settings = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in spec["settings"].items())
        settings += f"; {budget['generator_steps']:,} generator steps of {budget['batch_size']} samples"
        used["settings"].setdefault(run.dataset, {}).setdefault(settings, []).append(run.method)
    for used in found.values():
        used["settings"] = {
            dataset if len(texts) == 1 else f"{dataset}, {', '.join(dict.fromkeys(methods))}": settings
            for dataset, texts in used["settings"].items()
            for settings, methods in texts.items()
        }
    return found


def failures(results: Results) -> list[dict[str, Any]]:
    """Each run that is not ok: its step, the reason, and the end of what it logged."""
    found = []
    for run in results.planned:
        record = results.records[run]
        if record["status"] != "ok":
            trained = record["training"]
            step = trained["step"] if record["status"] == "timeout" else trained["diverged_at"]
            known = {"run": run, "status": record["status"], "step": step, "reason": record["reason"]}
            found.append({**known, "log": _log(results, run)})
    return found


def _log(results: Results, run: str) -> str:
    """The end of the traceback where there is one, else of the history: what the run last said."""
    for name in (layout.TRAINING_LOG, layout.EVALUATION_LOG, layout.HISTORY):
        path = results.folders[run] / name
        if path.exists():
            lines = path.read_text("utf-8", "replace").splitlines()
            head = lines[:1] if name == layout.HISTORY and len(lines) > LOG_LINES else []
            return "\n".join([*head, *lines[-LOG_LINES:]])
    return ""


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
