"""Measurements that are no grid of runs."""


rule analysis:
    input:
        unpack(analysis_inputs),
    output:
        folder=directory(paths.analysis),
    log:
        paths.log("analysis", "{analysis}"),
    benchmark:
        paths.benchmark("analysis", "{analysis}")
    conda:
        "../envs/unstuck.yaml"
    # seconds by the clock are measured on a machine that does nothing else
    threads: lambda w: workflow.cores if study.analyses[w.analysis].alone else 1
    resources:
        mem_mb=lambda w, attempt: attempt * study.execution.train_mb,
        runtime=lambda w, attempt: attempt * study.execution.train_minutes,
        gpu=study.execution.gpus,
        # and on Slurm a node
        slurm_extra=lambda w: "--exclusive" if study.analyses[w.analysis].alone else "",
    params:
        spec=lambda w: digest(
            [
                study.first_unit,
                study.analyses[w.analysis].model_dump(mode="json", exclude={"description"}),
            ]
        ),
        code=lambda w: code_of("analyse", study.analyses[w.analysis].module),
    message:
        "Computing the analysis {wildcards.analysis}"
    script:
        "../../scripts/analyse.py"
