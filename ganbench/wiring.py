"""What the Snakefile asks before its rules: which study, and its plan."""

from pathlib import Path
from typing import Any

from snakemake.exceptions import WorkflowError

from ganbench import markers, problems, runs, trust
from ganbench.runs import Plan

DEFAULT = "configs/quick.yaml"


def study(settings: Any) -> Path:
    """The one study file of a workflow's configuration. Raises WorkflowError if there is more than a file."""
    if settings.config or len(settings.configfiles) > 1:
        raise WorkflowError(
            "ganbench reads one study file: name it with --configfile, and edit it instead of using --config"
        )
    return Path((*settings.configfiles, DEFAULT)[0])


def planned(file: Path) -> Plan:
    """The plan of a study, whose markers tell the truth and are not from the future. Raises WorkflowError with the
    study's problems, and for plugins that it may not run."""
    try:
        plan = runs.plan(file)
        trust.demand(plan.registry)
    except (problems.StudyError, trust.UntrustedError) as error:
        raise WorkflowError(str(error)) from None
    if not any(Path(".snakemake/locks").glob("*")):  # else another call is at work, and believes in them
        markers.discard_false(plan)
        markers.bring_back(plan)
    return plan
