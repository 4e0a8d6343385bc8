"""The page over all published tables, and the same as Markdown with small CSV files, for the docs."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from ganbench import files, layout, paper, runs, study
from ganbench.paper import Paper
from ganbench.problems import StudyError
from ganbench.report import exports, page, provenance, published
from ganbench.report.collect import MissingResultError, collect
from ganbench.report.numerals import listed, plural
from ganbench.report.published import Judged, Table, counted
from ganbench.report.standing import Cell, Standing, standing


class NoPaperError(Exception):
    """A folder without studies of published tables."""


@dataclass(frozen=True)
class Entry:
    """A file of a published table. `table` is None where its results are not there, and `missing` says why. `runs` is
    how many there are in its budget, `trials` how many in its searches, `hours` the core-hours of both, with
    evaluation, `wall` the hours of training by the clock, `hardware` where. `measured`: the metrics of the study."""

    file: Path
    study: str
    paper: Paper
    table: Table | None
    missing: str
    runs: int
    trials: int
    hours: float
    wall: float
    hardware: str
    measured: Sequence[Standing] = ()

    @property
    def link(self) -> str:
        """Its page, from the page over all."""
        return os.path.relpath(layout.report(self.study), layout.papers().parent)

    @property
    def cost(self) -> str:
        """`12 runs, 0.4 core-hours, 0.5 hours of training by the clock`, with the trials of a search after the runs."""
        made = [plural(self.runs, "run"), *([plural(self.trials, "trial")] if self.trials else [])]
        spent = [f"{self.hours:.2g} core-hours", f"{self.wall:.2g} hours of training by the clock"]
        return ", ".join([*made, *spent])


def entries(folder: Path) -> list[Entry]:
    """All published tables of a folder, by file name. Raises StudyError, and NoPaperError if there are none."""
    found = []
    for file in sorted(folder.glob("*.yaml")):
        wanted, _ = study.load(file)
        if wanted.paper is not None:
            found.append(_entry(file, wanted.study, wanted.paper))
    if not found:
        raise NoPaperError(f"{folder} has no study with a `paper:` section")
    return found


def _entry(file: Path, name: str, of: Paper) -> Entry:
    try:
        plan = runs.plan(file)
        results = collect(plan)
    except StudyError as error:  # such as weights that are not here
        reason, *_ = error.problems[0].message.split(". ")
        return Entry(file, name, of, None, f"not run here: {reason}", 0, 0, 0.0, 0.0, "")
    except MissingResultError:
        return Entry(file, name, of, None, "not run here", len(plan.runs), 0, 0.0, 0.0, "")
    records = results.records.values()
    trials = [trial["cost"] for search in results.tuned.values() for trial in search.trials]
    seconds = sum((record["training"].get("cpu_seconds") or 0) + (record.get("cpu_seconds") or 0) for record in records)
    seconds += sum(cost["cpu_seconds"] for cost in trials)
    wall = sum(of["seconds"] for of in [*(record["training"] for record in records), *trials])
    machines = [machine["provenance"] for machine in provenance.machines(results)]
    hardware = dict.fromkeys(
        of["processor"] if of["device"] == "cpu" else f"{of['device']} ({of['processor']})" for of in machines
    )
    table = published.table(results)
    spent = (len(plan.runs), len(trials), seconds / 3600, wall / 3600)
    measured = [standing(results, metric) for metric in results.measures]
    return Entry(file, name, of, table, "", *spent, listed(list(hardware)), measured)


def write(folder: Path, markdown: Path | None) -> Path:
    """The page over all tables of a folder; and, if a folder for it is given, Markdown and CSV. There, a table whose
    results are not on this machine stays as it was."""
    found = entries(folder)
    if markdown is not None:
        rows, sections = [], []
        before = _kept(markdown / "index.md")
        for entry in found:
            if entry.table is not None:
                if entry.table.cells:
                    files.write_text(markdown / f"{entry.study}.csv", exports.published_csv(entry.table))
                if not entry.table.was_run:
                    files.write_text(markdown / f"{entry.study}-measured.csv", exports.cells_csv(entry.measured))
                files.write_text(markdown / f"{entry.study}-claims.csv", exports.claims_csv(entry.table))
                row, section = _row(entry, entry.table), "\n".join(_section(entry, entry.table))
            else:
                row, section = before.get(entry.study, (_missing(entry), ""))
            rows.append(row)
            sections += [section] if section else []
        files.write_text(markdown / "index.md", "\n\n".join(["\n".join([*_head(), *rows]), *sections]) + "\n")
    template = page.environment().get_template("papers.html")
    style = Markup((page.HERE / "style.css").read_text("utf-8"))
    context = {"entries": found, "style": style, "counted": counted, "verdict_rules": published.VERDICTS}
    files.write_text(layout.papers(), template.render(context))
    return layout.papers()


def _kept(index: Path) -> dict[str, tuple[str, str]]:
    """The row and the section of each table on a page that was written before, by study."""
    if not index.exists():
        return {}
    head, *sections = re.split(r"^(?=## )", index.read_text("utf-8"), flags=re.MULTILINE)
    rows = dict(re.findall(r"^(?=\| \[([^]]+)\])(.*)$", head, flags=re.MULTILINE))
    named = {section.splitlines()[0].removeprefix("## "): section.rstrip() for section in sections}
    return {name: (rows[name], section) for name, section in named.items() if name in rows}


def _head() -> list[str]:
    """The head of the page, down to the rule under the titles of the columns."""
    titles = ["table", "of", "numbers", "claims", "run at", "cost", "hardware"]
    generated = "Generated by `ganbench papers --markdown docs/papers`. [Published tables](../papers.md) explains."
    return ["# Results", "", generated, "", *_table(titles, [])]


def _row(entry: Entry, of: Table) -> str:
    """The row of a table that was run."""
    told = [counted(of.cells), counted(of.claims), of.reduced or "the whole protocol"]
    return _line([f"[{entry.study}](#{entry.study})", _what(entry), *told, entry.cost, entry.hardware])


def _missing(entry: Entry) -> str:
    """The row of a table that was not."""
    return _line([entry.study, _what(entry), entry.missing, "–", "–", "–", "–"])


def _what(entry: Entry) -> str:
    return f"{entry.paper.table}. {entry.paper.citation}"


def _section(entry: Entry, of: Table) -> list[str]:
    """One table: numbers, claims, variants, and what is to be known about them."""
    about = of.paper
    budget = f"a **reduced budget, {of.reduced}**" if of.reduced else "the whole protocol"
    lines = [
        f"## {entry.study}",
        "",
        f"{about.table} of *{about.title}* ({about.citation}). Numbers from {about.source}; protocol from "
        f"{about.protocol}. {paper.TIERS[about.tier]}. Run at {budget}: {entry.cost} on {entry.hardware}.",
    ]
    if of.rows:
        meaning = f"± in the paper: {paper.SPREADS[about.spread]}, if a row says nothing else."
        lines += ["", f"{meaning} Published / measured [95 % interval of the mean over seeds]: verdict.", ""]
        rows = [[row.title, *(_cell(of, judged) for judged in cells)] for row, cells in of.rows]
        lines += _table(["", *(column.title for column in about.columns)], rows)
    if not of.was_run:
        why = "No number of the table was run" if of.cells else "No number was published"
        lines += ["", f"{why}. Measured, averages over seeds as in the CSV file [95 % interval]:", ""]
        lines += _table(["", *(one.metric for one in entry.measured)], _measured(entry.measured))
    if of.claims:
        lines += ["", "### Claims", ""]
        rows = [[checked.claim.claim, of.marked(checked.verdict), checked.why] for checked in of.claims]
        lines += _table(["claim", "verdict", "found"], rows)
    if of.variants:
        lines += ["", "### The reference code, as it is and put right", ""]
        rows = [[v.deviation.what, v.on, v.metric, v.faithful, v.fixed, v.effect] for v in of.variants]
        lines += _table(["deviation", "on", "metric", "as it is", "put right", "difference"], rows)
    for title, texts in (("Remarks", about.remarks), ("Where this is not the paper's protocol", about.departures)):
        if texts:
            lines += ["", f"### {title}", "", *(f"- {text.strip()}" for text in texts)]
    return lines


def _measured(metrics: Sequence[Standing]) -> list[list[str]]:
    """Each method on each dataset and architecture by some metrics."""
    rows = []
    for pair in dict.fromkeys(pair for one in metrics for pair in one.columns):
        cells = [one.column(pair) if pair in one.columns else {} for one in metrics]
        for method in dict.fromkeys(method for of in cells for method in of):
            rows.append([", ".join([*pair, method]), *(_told(of.get(method)) for of in cells)])
    return rows


def _told(cell: Cell | None) -> str:
    if cell is None:
        return ""
    span = cell.span if cell.summary.average.interval else ""
    return " ".join(part for part in (cell.text, span, cell.remark) if part)


def _cell(of: Table, judged: Judged | None) -> str:
    if judged is None:
        return ""
    return f"{judged.published} / {f'{judged.measured} {judged.span}'.strip()}: {of.marked(judged.verdict)}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [_line(row) for row in [head, ["---"] * len(head), *rows]]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"
