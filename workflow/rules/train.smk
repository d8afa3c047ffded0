"""Training: one job a group of runs, trained side by side as populations."""


rule train:
    input:
        tensors=lambda w: paths.dataset.format(dataset=plan.jobs[w.job].dataset),
        card=lambda w: paths.card.format(dataset=plan.jobs[w.job].dataset),
    output:
        # update: the finished runs of an earlier call are kept, and only what is new is trained
        runs=update(paths.job("runs.parquet")),
        curves=update(paths.job("curves.parquet")),
        rates=update(paths.job("rates.parquet")),
        endpoints=update(paths.job("endpoints.safetensors")),
    log:
        paths.log("train", "{job}"),
    benchmark:
        paths.benchmark("train", "{job}")
    # training is longest and all else waits for it, so that none of it is left alone at the end
    priority: 2
    conda:
        "../envs/unstuck.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: attempt * study.execution.train_mb,
        runtime=lambda w, attempt: attempt * study.execution.train_minutes,
        gpu=study.execution.gpus,
    params:
        runs=lambda w: plan.jobs[w.job].digest,
        code=lambda w: code_of("train"),
        code_of_rows=lambda w: code_of("train", ends=SETTLED_OF_ROWS),
        checkpoints=lambda w: paths.checkpoints.format(job=w.job),
    message:
        "Training the runs of {wildcards.job}"
    script:
        "../../scripts/train.py"
