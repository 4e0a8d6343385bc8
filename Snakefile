# Wiring only. What is planned is in ganbench/runs.py, what runs is `ganbench VERB`, where it lies is ganbench/layout.py.
import os
import re
import sys
from pathlib import Path

from ganbench import layout, markers, runs
from ganbench.study import StudyError
from snakemake.exceptions import WorkflowError

if workflow.config_settings.config:
    raise WorkflowError("ganbench reads the study file alone: edit it, or give another with --configfile")
if len(workflow.config_settings.configfiles) > 1:
    raise WorkflowError("give one study at a time with --configfile")

STUDY = Path((*workflow.config_settings.configfiles, "configs/quick.yaml")[0])
try:
    plan = runs.plan(STUDY)
except StudyError as error:
    raise WorkflowError(str(error)) from None
markers.discard_false(plan)

NAME = plan.study.study
GANBENCH = [sys.executable, "-m", "ganbench"]
classifiers = {key: dataset.label for key, dataset in plan.classifiers().items()}
datasets = {dataset.key: dataset.label for dataset in plan.datasets.values()}


def one_of(names):
    return "|".join(map(re.escape, names)) or "none"


wildcard_constraints:
    data=one_of(datasets),
    classifier=one_of(classifiers),
    dataset=one_of(plan.datasets),
    training=one_of(plan.training_jobs),
    evaluation=one_of(plan.evaluation_jobs),


localrules:
    all,


rule all:
    default_target: True
    input:
        layout.report(NAME),
        [plan.marker(job) for job in plan.evaluation_jobs.values()],


rule data:
    output:
        layout.data("{data}"),
    params:
        dataset=lambda wildcards: datasets[wildcards.data],
    shell:
        "{GANBENCH:q} data {STUDY:q} {params.dataset:q}"


rule classifier:
    input:
        lambda wildcards: layout.data(plan.datasets[classifiers[wildcards.classifier]].key),
    output:
        layout.classifier("{classifier}"),
    params:
        dataset=lambda wildcards: classifiers[wildcards.classifier],
    shell:
        "{GANBENCH:q} classifier {STUDY:q} {params.dataset:q}"


rule reference:
    input:
        lambda wildcards: plan.inputs_of_reference(wildcards.dataset),
    output:
        layout.reference(NAME, "{dataset}"),
    params:
        digest=lambda wildcards: plan.reference_digest(wildcards.dataset),
    shell:
        "{GANBENCH:q} reference {STUDY:q} {wildcards.dataset:q}"


rule train:
    input:
        lambda wildcards: layout.data(plan.datasets[plan.training_jobs[wildcards.training].dataset].key),
    output:
        layout.marker(NAME, "train", "{training}"),
    threads: plan.study.threads
    resources:
        gpu=0 if plan.study.device == "cpu" else 1,
    params:
        digest=lambda wildcards: plan.training_jobs[wildcards.training].digest,
    shell:
        "{GANBENCH:q} train {STUDY:q} {wildcards.training:q} --digest {params.digest} --threads {threads}"


rule evaluate:
    input:
        lambda wildcards: plan.inputs_of_evaluation(wildcards.evaluation),
    output:
        layout.marker(NAME, "evaluate", "{evaluation}"),
    threads: plan.study.threads
    resources:
        gpu=0 if plan.study.device == "cpu" else 1,
    params:
        digest=lambda wildcards: plan.evaluation_jobs[wildcards.evaluation].digest,
    shell:
        "{GANBENCH:q} evaluate {STUDY:q} {wildcards.evaluation:q} --digest {params.digest} --threads {threads}"


rule report:
    input:
        [plan.marker(job) for job in plan.evaluation_jobs.values()],
    output:
        layout.report(NAME),
        layout.runs_table(NAME),
    params:
        digest=plan.digest,
    shell:
        "{GANBENCH:q} report {STUDY:q}"
