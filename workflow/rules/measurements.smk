"""What is measured at the endpoints of runs: spectra, sharpness and the like."""


rule measurement:
    input:
        tensors=lambda w: paths.dataset.format(dataset=plan.jobs[w.job].dataset),
        card=lambda w: paths.card.format(dataset=plan.jobs[w.job].dataset),
        runs=paths.job("runs.parquet"),
        curves=paths.job("curves.parquet"),
        rates=paths.job("rates.parquet"),
        endpoints=paths.job("endpoints.safetensors"),
    output:
        table=paths.measurement(),
    log:
        paths.log("{kind}", "{job}"),
    benchmark:
        paths.benchmark("{kind}", "{job}")
    wildcard_constraints:
        kind=one_of(MEASUREMENTS),
    priority: 1
    conda:
        "../envs/unstuck.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: attempt * study.execution.train_mb,
        runtime=lambda w, attempt: attempt * study.execution.train_minutes,
        gpu=study.execution.gpus,
    params:
        endpoints=lambda w: plan.measured(w.kind)[w.job],
        tolerance=study.curvature.tolerance,
        code=lambda w: code_of("measure", module_of(w.kind)),
    message:
        "Measuring {wildcards.kind} at the endpoints of {wildcards.job}"
    script:
        "../../scripts/measure.py"
