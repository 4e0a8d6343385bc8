"""Names in a published table that the study does not have: each is a problem, before anything runs."""

from ganbench.cells import Cell, cells
from ganbench.paper import FAILED, Budget, Labels, Paper
from ganbench.plugins import unknown
from ganbench.problems import Problem


def misnomers(paper: Paper, labels: Labels) -> list[Problem]:
    """Datasets, architectures and methods that the section names and the study does not have. `labels`: as runs carry
    them."""
    found: list[Problem] = []

    def check(where: str, kind: str, named: str | tuple[str, ...] | None) -> None:
        found.extend(_unknown(where, kind, named, labels))

    for section, places in (("columns", paper.columns), ("rows", paper.rows)):
        for i, place in enumerate(places):
            for kind in ("dataset", "architecture", "method"):
                check(f"paper.{section}[{i}].{kind}", kind, getattr(place, kind))
    for i, claim in enumerate(paper.claims):
        at = f"paper.claims[{i}]"
        check(f"{at}.datasets", "dataset", claim.datasets)
        check(f"{at}.architectures", "architecture", claim.architectures)
        for key in ("better", "worse", "methods", "more", "than"):
            check(f"{at}.{key}", "method", getattr(claim, key, None))
    for i, deviation in enumerate(paper.deviations):
        for key in ("faithful", "fixed"):
            check(f"paper.deviations[{i}].{key}", deviation.kind, getattr(deviation, key))
    return found


def overdrawn(budget: Budget, labels: Labels, seeds: int, trials: int | None) -> list[Problem]:
    """What a budget names that the study does not have, and of what it leaves no less than there is. `labels`: of the
    study's entries; a tuned method is no entry of its own. `trials`: of each search, None without one."""
    found: list[Problem] = []
    for kind in ("dataset", "architecture", "method"):
        found += _unknown(f"paper.budget.{kind}s", kind, getattr(budget, f"{kind}s"), labels)
    if (budget.seeds or 0) >= seeds:
        found.append(Problem("paper.budget.seeds", f"{budget.seeds} is no fewer than the study's {seeds} seeds"))
    if budget.trials is not None and trials is None:
        found.append(Problem("paper.budget.trials", "there is no `tuning` that it could shorten"))
    elif budget.trials is not None and trials is not None and budget.trials >= trials:
        found.append(Problem("paper.budget.trials", f"{budget.trials} is no fewer than the tuning's {trials} trials"))
    return found


def _unknown(where: str, kind: str, named: str | tuple[str, ...] | None, labels: Labels) -> list[Problem]:
    return [
        Problem(where, unknown(f"the study has no {kind}", label, labels[kind]))
        for label in ((named,) if isinstance(named, str) else named or ())
        if label not in labels[kind]
    ]


def misplaced(paper: Paper, columns: Labels, architectures: Labels) -> list[Problem]:
    """Numbers and claims about a column that the study does not have. Both by the label of a dataset that is run: its
    metrics, and the architectures that are trained on it."""
    found: list[Problem] = []
    for cell in cells(paper):
        if cell.not_run is None and (problem := _cell_problem(paper, cell, columns, architectures)):
            found.append(Problem(cell.where, problem))
    everywhere = dict.fromkeys(name for names in columns.values() for name in names)
    left_out = {cell.metric for cell in cells(paper) if cell.dataset not in columns}
    for i, claim in enumerate(paper.claims):
        named = [columns[dataset] for dataset in claim.datasets or columns if dataset in columns]
        if named and not any(claim.metric in names for names in named) and claim.metric not in left_out:
            message = unknown("the study has no column", claim.metric, everywhere)
            found.append(Problem(f"paper.claims[{i}].metric", message))
    return found


def _cell_problem(paper: Paper, cell: Cell, columns: Labels, architectures: Labels) -> str | None:
    for key, value in (("dataset", cell.dataset), ("method", cell.methods), ("metric", cell.metric)):
        if not value:
            return f"neither its row nor its column says which {key} it is about"
    dataset, metric = str(cell.dataset), str(cell.metric)
    if dataset not in columns:
        return None  # not in this budget
    if metric not in columns[dataset]:
        return unknown(f"{dataset} has no column", metric, columns[dataset])
    if cell.architecture is None and len(architectures[dataset]) > 1:
        return f"say which architecture: {', '.join(architectures[dataset])}"
    if paper.tier != "shape" and cell.margin is None and cell.published.value != FAILED:
        return "its column has no margin: how far off is the number still the same?"
    return None
