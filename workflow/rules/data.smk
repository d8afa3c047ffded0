"""Datasets: read or downloaded, and for every unit split, standardised and described."""


rule dataset:
    output:
        tensors=paths.dataset,
        card=paths.card,
    log:
        paths.log("dataset", "{dataset}"),
    benchmark:
        paths.benchmark("dataset", "{dataset}")
    # all else waits for it
    priority: 3
    conda:
        "../envs/unstuck.yaml"
    threads: 1
    resources:
        # CIFAR-10 with principal components of all its pixels takes the most
        mem_mb=lambda w, attempt: attempt * 4000,
        runtime=lambda w, attempt: attempt * 30,
    params:
        digest=lambda w: study.datasets[w.dataset].digest,
        units=lambda w: plan.split_units(w.dataset),
        code=lambda w: code_of("prepare_dataset"),
    message:
        "Preparing the dataset {wildcards.dataset}"
    script:
        "../../scripts/prepare_dataset.py"
