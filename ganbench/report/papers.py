"""The page over all published tables, and the same as Markdown with small CSV files, for the docs."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from ganbench import files, layout, paper, runs, study
from ganbench.paper import Paper
from ganbench.problems import StudyError
from ganbench.report import exports, page, provenance, published
from ganbench.report.claims import Checked
from ganbench.report.collect import MissingResultError, collect
from ganbench.report.numerals import listed, plural
from ganbench.report.published import Judged, Table


class NoPaperError(Exception):
    """A folder without studies of published tables."""


@dataclass(frozen=True)
class Entry:
    """A file of a published table. `table` is None where its results are not there, and `missing` says why. `runs` is
    how many there are in its budget, `hours` the core-hours of training and evaluation, `hardware` where."""

    file: Path
    study: str
    paper: Paper
    table: Table | None
    missing: str
    runs: int
    hours: float
    hardware: str

    @property
    def link(self) -> str:
        """Its page, from the page over all."""
        return os.path.relpath(layout.report(self.study), layout.papers().parent)

    @property
    def cost(self) -> str:
        """`12 runs, 0.4 core-hours`."""
        return f"{plural(self.runs, 'run')}, {self.hours:.2g} core-hours"

    def counted(self, judged: Sequence[Judged | Checked]) -> str:
        """`3 match, 1 differs and 4 open`; a dash for none."""
        counts = {verdict: sum(of.verdict == verdict for of in judged) for verdict in published.VERDICTS}
        return listed([f"{count} {verdict}" for verdict, count in counts.items() if count]) if judged else "–"


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
        return Entry(file, name, of, None, error.problems[0].message, 0, 0.0, "")
    except MissingResultError:
        return Entry(file, name, of, None, "not run here", len(plan.runs), 0.0, "")
    records = results.records.values()
    seconds = sum((record["training"].get("cpu_seconds") or 0) + (record.get("cpu_seconds") or 0) for record in records)
    machines = [machine["provenance"] for machine in provenance.machines(results)]
    hardware = dict.fromkeys(
        of["processor"] if of["device"] == "cpu" else f"{of['device']} ({of['processor']})" for of in machines
    )
    table = published.table(results)
    return Entry(file, name, of, table, "", len(plan.runs), seconds / 3600, listed(list(hardware)))


def write(folder: Path, markdown: Path | None) -> Path:
    """The page over all tables of a folder; and, if a folder for it is given, Markdown and CSV."""
    found = entries(folder)
    if markdown is not None:
        for entry in found:
            if entry.table is not None:
                files.write_text(markdown / f"{entry.study}.md", _markdown(entry, entry.table))
                files.write_text(markdown / f"{entry.study}.csv", exports.published_csv(entry.table))
                files.write_text(markdown / f"{entry.study}-claims.csv", exports.claims_csv(entry.table))
        files.write_text(markdown / "index.md", _overview(found))
    template = page.environment().get_template("papers.html")
    style = Markup((page.HERE / "style.css").read_text("utf-8"))
    context = {"entries": found, "style": style, "tiers": paper.TIERS, "verdict_rules": published.VERDICTS}
    files.write_text(layout.papers(), template.render(context))
    return layout.papers()


def _overview(found: list[Entry]) -> str:
    """A row for each table."""
    rows = []
    for entry in found:
        title = f"[{entry.study}]({entry.study}.md)" if entry.table else entry.study
        cells, claims = (entry.table.cells, entry.table.claims) if entry.table else ([], [])
        told = [entry.counted(cells), entry.counted(claims)] if entry.table else [entry.missing, "–"]
        budget = (entry.table.reduced or "the whole protocol") if entry.table else "–"
        cost = [entry.cost, entry.hardware] if entry.table else ["–", "–"]
        what = f"{entry.paper.table}. {entry.paper.citation}"
        rows.append([title, what, entry.paper.tier, *told, budget, *cost])
    head = ["table", "of", "tier", "numbers", "claims", "run at", "cost", "hardware"]
    return "\n".join(["# Results", "", GENERATED, "", *_table(head, rows), ""])


GENERATED = "Generated by `ganbench papers --markdown docs/papers`. How to read it: [Published tables](../papers.md)."


def _markdown(entry: Entry, of: Table) -> str:
    """One table: numbers, claims, variants, and what is to be known about them."""
    about = of.paper
    lines = [
        f"# {entry.study}",
        "",
        f"{about.table} of *{about.title}* ({about.citation}). Numbers from {about.source}; protocol from "
        f"{about.protocol}. {paper.TIERS[about.tier]}.",
        "",
        f"Run at {'a **reduced budget: ' + of.reduced + '** of the protocol' if of.reduced else 'the whole protocol'}: "
        f"{entry.cost} on {entry.hardware}. {GENERATED}",
    ]
    if of.rows:
        meaning = f"± in the paper: {paper.SPREADS[about.spread]}, if a row says nothing else."
        lines += ["", f"{meaning} Published / measured [95 % interval of the mean over seeds]: verdict.", ""]
        rows = [[row.title, *(_cell(of, judged) for judged in cells)] for row, cells in of.rows]
        lines += _table(["", *(column.title for column in about.columns)], rows)
    if of.claims:
        lines += ["", "## Claims", ""]
        rows = [[checked.claim.claim, of.marked(checked.verdict), checked.why] for checked in of.claims]
        lines += _table(["claim", "verdict", "found"], rows)
    if of.variants:
        lines += ["", "## The reference code, as it is and put right", ""]
        rows = [[v.deviation.what, v.on, v.metric, v.faithful, v.fixed, v.effect] for v in of.variants]
        lines += _table(["deviation", "on", "metric", "as it is", "put right", "difference"], rows)
    for title, texts in (("Remarks", about.remarks), ("Where this is not the paper's protocol", about.departures)):
        if texts:
            lines += ["", f"## {title}", "", *(f"- {text.strip()}" for text in texts)]
    return "\n".join([*lines, ""])


def _cell(of: Table, judged: Judged | None) -> str:
    if judged is None:
        return ""
    return f"{judged.published} / {f'{judged.measured} {judged.span}'.strip()}: {of.marked(judged.verdict)}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in row) + " |" for row in cells]
