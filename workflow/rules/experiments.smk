"""From jobs to the tables of an experiment."""


rule runs:
    input:
        runs=lambda w: parts_of(w.experiment, "runs", paths.job("runs.parquet")),
        curves=lambda w: parts_of(w.experiment, "curves", paths.job("curves.parquet")),
        rates=lambda w: parts_of(w.experiment, "rates", paths.job("rates.parquet")),
    output:
        runs=paths.table("parquet", "runs"),
        runs_csv=paths.table("csv", "runs"),
        curves=paths.table("parquet", "curves"),
        curves_csv=paths.table("csv", "curves"),
        rates=paths.table("parquet", "rates"),
        rates_csv=paths.table("csv", "rates"),
    log:
        paths.log("table", "{experiment}.runs"),
    conda:
        "../envs/unstuck.yaml"
    threads: 1
    resources:
        # the tables of one job at a time, which had room where it trained
        mem_mb=lambda w, attempt: attempt * study.execution.train_mb,
        runtime=lambda w, attempt: attempt * 10,
    params:
        cells=lambda w: plan.digest_of(w.experiment, "runs"),
        code=lambda w: code_of("collect_runs"),
    message:
        "Collecting the runs, curves and rates of experiment {wildcards.experiment}"
    script:
        "../../scripts/collect_runs.py"


rule table:
    input:
        parts=lambda w: parts_of(w.experiment, w.kind, paths.measurement(w.kind)),
    output:
        parquet=paths.table("parquet"),
        csv=paths.table("csv"),
    log:
        paths.log("table", "{experiment}.{kind}"),
    wildcard_constraints:
        kind=one_of(MEASUREMENTS),
    conda:
        "../envs/unstuck.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: attempt * study.execution.train_mb,
        runtime=lambda w, attempt: attempt * 10,
    params:
        cells=lambda w: plan.digest_of(w.experiment, w.kind),
        code=lambda w: code_of("collect_table"),
    message:
        "Collecting the {wildcards.kind} of experiment {wildcards.experiment}"
    script:
        "../../scripts/collect_table.py"


rule plan:
    output:
        table=paths.plan,
    log:
        paths.log("plan"),
    conda:
        "../envs/unstuck.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: attempt * 1000,
        runtime=lambda w, attempt: attempt * 10,
    params:
        runs=digest([plan.digest, study.execution.split_by]),
        code=code_of("write_plan"),
    message:
        "Writing the table of runs"
    script:
        "../../scripts/write_plan.py"
