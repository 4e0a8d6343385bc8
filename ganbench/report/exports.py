"""The tables of the page as files: CSV for machines, LaTeX (booktabs) for papers."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

from ganbench.report.collect import Results
from ganbench.report.contests import Contest
from ganbench.report.numerals import decimals, number
from ganbench.report.published import Judged, Table
from ganbench.report.standing import Cell, Standing
from ganbench.stats.intervals import Interval

SPECIAL = {
    "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "–": "--", "−": "$-$", "×": r"$\times$",
}  # fmt: skip

CELL = (
    "metric", "direction", "dataset", "architecture", "method", "average", "scale", "low", "high", "interval",
    "mean", "sd", "se", "median", "seeds", "without_number", "failure_low", "failure_high", "collapsed", "timeout",
    "best", "tied", "real", "perfect", "without_learning",
)  # fmt: skip


def cells_csv(standings: Sequence[Standing]) -> str:
    """A row per cell of some metrics, with everything that the page shows on hover."""
    rows = []
    for of in standings:
        for place, (dataset, architecture) in enumerate(of.columns):
            for method, cells in of.rows.items():
                cell = cells[place]
                if cell is not None:
                    known = _numbers(cell)
                    rows.append(
                        [of.metric, of.direction, dataset, architecture, method, *known, of.real[place],
                         of.perfect[place], trivial.value if (trivial := of.baseline[place]) else None]
                    )  # fmt: skip
    return table_csv(CELL, rows)


def _numbers(cell: Cell) -> list[object]:
    of, interval = cell.summary, cell.summary.average.interval
    ends = [None, None, None] if interval is None else [interval.low, interval.high, interval.method]
    failures = of.failures
    return [
        of.average.value, of.average.scale, *ends, of.mean, of.sd, of.se, of.median, cell.seeds, int(failures.events),
        failures.interval.low, failures.interval.high, cell.collapsed, cell.timeout, int(cell.best),
        int(cell.tied),
    ]  # fmt: skip


def pairs_csv(contests: Iterable[Contest]) -> str:
    """A row per pair of methods, dataset and architecture, on its headline metric."""
    header = (
        "dataset", "architecture", "metric", "first", "second", "effect", "scale", "low", "high", "seeds",
        "incomplete", "wins", "improvement", "improvement_low", "improvement_high", "p", "p_holm", "better",
    )  # fmt: skip
    return table_csv(header, [_contest(contest) for contest in contests])


def _contest(contest: Contest) -> list[object]:
    of, chance = contest.comparison, contest.improvement
    ends = [None, None] if of.effect.interval is None else [of.effect.interval.low, of.effect.interval.high]
    return [
        *contest.pair, contest.metric, contest.first, contest.second, of.effect.value, of.effect.scale, *ends,
        contest.seeds, of.incomplete, of.wins.events, chance.probability, chance.interval.low, chance.interval.high,
        of.p, contest.adjusted, contest.winner,
    ]  # fmt: skip


PUBLISHED = (
    "row", "column", "dataset", "architecture", "method", "metric", "published", "spread", "spread_is", "runs",
    "measured", "low", "high", "seeds", "difference", "difference_low", "difference_high", "margin", "verdict",
    "budget", "why", "source",
)  # fmt: skip


def published_files(of: Table) -> dict[str, str]:
    """A published table beside the measured one: as CSV, and for LaTeX."""
    return {
        "tables/published.csv": published_csv(of),
        "tables/claims.csv": claims_csv(of),
        "tables/published.tex": published_tex(of),
    }


def published_csv(of: Table) -> str:
    """A row per published number."""
    return table_csv(PUBLISHED, [_published(of, judged) for judged in of.cells])


def _published(of: Table, judged: Judged) -> list[object]:
    cell, value = judged.cell, judged.cell.published
    source = value.source or cell.row.source or of.paper.source
    return [
        cell.row.title, cell.column.title, cell.dataset, judged.architecture, judged.label, cell.metric, value.value,
        value.spread, cell.spread_is, cell.runs, judged.mean,
        *_ends(judged.interval), len(judged.values) or None, judged.difference, *_ends(judged.difference_interval),
        judged.margin, judged.verdict, of.reduced or "protocol", judged.why, source,
    ]  # fmt: skip


def claims_csv(of: Table) -> str:
    """A row per claim."""
    rows = [[c.claim.claim, c.claim.metric, c.verdict, of.reduced or "protocol", c.why] for c in of.claims]
    return table_csv(("claim", "metric", "verdict", "budget", "found"), rows)


def published_tex(of: Table) -> str:
    """The published table, each number with the measured one below it and its verdict."""
    head = " & ".join(["", *(tex(column.title) for column in of.paper.columns)])
    lines = [
        f"% {of.paper.table}, {of.paper.citation}. Published; measured with 95 % interval; verdict.",
        f"% {'Reduced budget: ' + of.reduced if of.reduced else 'The whole protocol'}. Needs \\usepackage{{booktabs}}.",
        rf"\begin{{tabular}}{{l{'r' * len(of.paper.columns)}}}",
        r"\toprule",
        rf"{head} \\",
        r"\midrule",
    ]
    for row, cells in of.rows:
        known = [
            ["", "", ""] if c is None else [c.published, f"{c.measured} {c.span}".strip(), f"({of.marked(c.verdict)})"]
            for c in cells
        ]
        heads = (tex(row.title), "", "")
        lines += [rf"{head} & {' & '.join(tex(k[i]) for k in known)} \\" for i, head in enumerate(heads)]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _ends(interval: Interval | None) -> list[float | None]:
    return [None, None] if interval is None else [interval.low, interval.high]


def table_csv(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows under a header; nothing for what is not a number."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([["" if v is None or v != v else v for v in row] for row in rows])
    return text.getvalue()


def standing_tex(of: Standing) -> str:
    """One metric as a table of a paper: averages with their intervals, the best bold, those that tie with it
    underlined."""
    head = " & ".join(["", *(tex(", ".join(pair)) for pair in of.columns)])
    lines = [
        rf"% {of.metric}: averages over seeds ({'geometric' if of.scale == 'log' else 'arithmetic'}),",
        "% 95 % intervals by Student's t. Bold: best; underlined: not told apart from it.",
        r"% Needs \usepackage{booktabs}.",
        rf"\begin{{tabular}}{{l{'r' * len(of.columns)}}}",
        r"\toprule",
        rf"{head} \\",
        r"\midrule",
        *(rf"{tex(row)} & {' & '.join(_tex_cell(cell) for cell in cells)} \\" for row, cells in of.rows.items()),
        r"\midrule",
        rf"real data & {' & '.join(tex(number(value)) for value in of.real)} \\",
    ]
    if any(of.baseline):
        values = [trivial.value if trivial else None for trivial in of.baseline]
        lines.append(rf"without learning & {' & '.join(tex(number(value)) for value in values)} \\")
    if any(value is not None for value in of.perfect):
        lines.append(rf"perfect generator & {' & '.join(tex(number(value)) for value in of.perfect)} \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def ranks_tex(results: Results, table: dict[str, list[float | None]]) -> str:
    """The mean ranks as a table of a paper."""
    head = " & ".join(["", *(tex(", ".join(pair)) for pair in results.pairs)])
    body = [rf"{tex(row)} & {' & '.join(tex(number(value, 1)) for value in ranks)} \\" for row, ranks in table.items()]
    start = [rf"\begin{{tabular}}{{l{'r' * len(results.pairs)}}}", r"\toprule", rf"{head} \\", r"\midrule"]
    return "\n".join([*start, *body, r"\bottomrule", r"\end{tabular}", ""])


def _tex_cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    text = tex(cell.text)
    if cell.best:
        text = rf"\textbf{{{text}}}"
    elif cell.tied:
        text = rf"\underline{{{text}}}"
    interval = cell.summary.average.interval
    if interval is not None:
        places = decimals(cell.value)
        text += rf" {{\footnotesize [{tex(number(interval.low, places))}, {tex(number(interval.high, places))}]}}"
    failed = int(cell.summary.failures.events)
    return text + (rf"\textsuperscript{{{failed}/{cell.seeds} failed}}" if failed else "")


def tex(text: str) -> str:
    """Text that LaTeX prints as it is."""
    return re.sub("|".join(map(re.escape, SPECIAL)), lambda found: SPECIAL[found[0]], text)
