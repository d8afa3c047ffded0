"""Hessians at the endpoints of runs."""


rule curvature:
    input:
        tensors=lambda w: paths.dataset.format(dataset=plan.jobs[w.job].dataset),
        card=lambda w: paths.card.format(dataset=plan.jobs[w.job].dataset),
        runs=paths.job("runs.parquet"),
        curves=paths.job("curves.parquet"),
        rates=paths.job("rates.parquet"),
        endpoints=paths.job("endpoints.safetensors"),
    output:
        table=paths.curvature(),
    log:
        paths.log("{kind}", "{job}"),
    benchmark:
        paths.benchmark("{kind}", "{job}")
    wildcard_constraints:
        kind="spectra|audit|stalls|places|filters|sharpness",
    priority: 1
    conda:
        "../envs/unstuck.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: attempt * study.execution.train_mb,
        runtime=lambda w, attempt: attempt * study.execution.train_minutes,
    params:
        endpoints=lambda w: plan.measured(w.kind)[w.job],
        tolerance=study.curvature.tolerance,
        code=lambda w: code_of("measure_curvature"),
    message:
        "Measuring curvature ({wildcards.kind}) at the endpoints of {wildcards.job}"
    script:
        "../../scripts/measure_curvature.py"
