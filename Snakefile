# Wiring only: what is planned is in ganbench/runs.py, where it lies in ganbench/layout.py, what runs is `ganbench VERB`.
import sys

from ganbench import layout, needs, wiring

STUDY = wiring.study(workflow.config_settings)
plan = wiring.planned(STUDY)
NAME = plan.study.study
GANBENCH = [sys.executable, "-m", "ganbench"]
GPU = 0 if plan.study.device == "cpu" else 1
NEEDS = needs.of(plan)


rule all:
    input:
        layout.report(NAME),
        plan.evaluation_markers,
        plan.tuning_outputs,


rule data:
    output:
        layout.data("{data}"),
    resources:
        runtime=NEEDS["data"].runtime,
        mem_mb=NEEDS["data"].mem_mb,
    shell:
        "{GANBENCH:q} data {STUDY:q} {wildcards.data:q}"


rule extractor:
    input:
        lambda wildcards: plan.inputs_of_extractor(wildcards.extractor),
    output:
        layout.extractor("{extractor}"),
    threads: plan.study.threads
    resources:
        runtime=NEEDS["extractor"].runtime,
        mem_mb=NEEDS["extractor"].mem_mb,
    shell:
        "{GANBENCH:q} extractor {STUDY:q} {wildcards.extractor:q}"


rule features:
    input:
        lambda wildcards: plan.inputs_of_features(wildcards.features),
    output:
        layout.features("{features}"),
    threads: plan.study.threads
    resources:
        gpu=GPU,
        runtime=NEEDS["features"].runtime,
        mem_mb=NEEDS["features"].mem_mb,
    shell:
        "{GANBENCH:q} features {STUDY:q} {wildcards.features:q} --threads {threads}"


rule reference:
    input:
        lambda wildcards: plan.inputs_of_reference(wildcards.dataset),
    output:
        layout.reference(NAME, "{dataset}"),
    threads: plan.study.threads
    resources:
        runtime=NEEDS["reference"].runtime,
        mem_mb=NEEDS["reference"].mem_mb,
    params:
        digest=lambda wildcards: plan.reference_digest(wildcards.dataset),
    shell:
        "{GANBENCH:q} reference {STUDY:q} {wildcards.dataset:q} --threads {threads}"


rule tune:
    input:
        lambda wildcards: plan.inputs_of_tuning(wildcards.tuning),
    output:
        layout.tuning(NAME, "{tuning}"),
    resources:
        runtime=NEEDS["tune"].runtime,
        mem_mb=NEEDS["tune"].mem_mb,
    params:
        digest=lambda wildcards: plan.tuning_steps[wildcards.tuning].digest,
    shell:
        "{GANBENCH:q} tune {STUDY:q} {wildcards.tuning:q} --digest {params.digest}"


rule trials:
    input:
        lambda wildcards: plan.inputs_of_tuning(wildcards.trials),
    output:
        layout.marker(NAME, "trials", "{trials}"),
    threads: plan.study.threads
    resources:
        gpu=GPU,
        runtime=NEEDS["trials"].runtime,
        mem_mb=NEEDS["trials"].mem_mb,
    params:
        digest=lambda wildcards: plan.tuning_steps[wildcards.trials].digest,
    shell:
        "{GANBENCH:q} tune {STUDY:q} {wildcards.trials:q} --digest {params.digest} --threads {threads}"


rule train:
    input:
        lambda wildcards: plan.inputs_of_training(wildcards.training),
    output:
        layout.marker(NAME, "train", "{training}"),
    threads: plan.study.threads
    resources:
        gpu=GPU,
        runtime=NEEDS["train"].runtime,
        mem_mb=NEEDS["train"].mem_mb,
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
        gpu=GPU,
        runtime=NEEDS["evaluate"].runtime,
        mem_mb=NEEDS["evaluate"].mem_mb,
    params:
        digest=lambda wildcards: plan.evaluation_jobs[wildcards.evaluation].digest,
    shell:
        "{GANBENCH:q} evaluate {STUDY:q} {wildcards.evaluation:q} --digest {params.digest} --threads {threads}"


rule report:
    input:
        plan.evaluation_markers,
    output:
        report(layout.report(NAME), category="page"),
        report(directory(layout.figures(NAME)), patterns=["{figure}.svg"], category="figures"),
        report(layout.runs_table(NAME), category="tables"),
        report(layout.evaluations_table(NAME), category="tables"),
    resources:
        runtime=NEEDS["report"].runtime,
        mem_mb=NEEDS["report"].mem_mb,
    params:
        digest=lambda wildcards: plan.digest,
    shell:
        "{GANBENCH:q} report {STUDY:q}"
