"""The tables of the page as files: CSV for machines, LaTeX (booktabs) for papers."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

from ganbench.report.collect import Results
from ganbench.report.contests import Contest
from ganbench.report.numerals import decimals, number
from ganbench.report.standing import Cell, Standing

SPECIAL = {
    "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "–": "--", "−": "$-$", "×": r"$\times$",
}  # fmt: skip

CELL = (
    "metric", "direction", "dataset", "architecture", "method", "average", "scale", "low", "high", "interval",
    "mean", "sd", "se", "median", "seeds", "without_number", "failure_low", "failure_high", "collapsed", "best", "tied",
    "real", "perfect",
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
                         of.perfect[place]]
                    )  # fmt: skip
    return table_csv(CELL, rows)


def _numbers(cell: Cell) -> list[object]:
    of, interval = cell.summary, cell.summary.average.interval
    ends = [None, None, None] if interval is None else [interval.low, interval.high, interval.method]
    failures = of.failures
    return [
        of.average.value, of.average.scale, *ends, of.mean, of.sd, of.se, of.median, cell.seeds, int(failures.events),
        failures.interval.low, failures.interval.high, cell.collapsed, int(cell.best), int(cell.tied),
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
