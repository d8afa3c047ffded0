"""From jobs to one table an experiment."""


rule table:
    input:
        parts=lambda w: [
            part.format(job=job)
            for job in plan.jobs_of(w.experiment, w.kind)
            for part in [paths.part(w.kind)]
        ],
    output:
        parquet=paths.table("parquet"),
        csv=paths.table("csv"),
    log:
        paths.log("table", "{experiment}.{kind}"),
    wildcard_constraints:
        kind="runs|curves|spectra|audit|stalls|places|filters",
    conda:
        "../envs/unstuck.yaml"
    threads: 1
    resources:
        mem_mb=table_memory,
        runtime=lambda w, attempt: attempt * 10,
    params:
        cells=lambda w: plan.digest_of(w.experiment, w.kind),
        code=code_digest("study/tables.py"),
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
        runs=plan.digest,
    message:
        "Writing the table of runs"
    script:
        "../../scripts/write_plan.py"
