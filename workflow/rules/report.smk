"""Figures."""


rule picture:
    input:
        verdict=paths.claim,
        tables=pictured_tables,
        words=f"{workflow.basedir}/workflow/report/words.yaml",
    output:
        figure=expand(
            paths.figure("{suffix}"), suffix=study.report.figures.formats, allow_missing=True
        ),
        scope=expand(
            paths.scope("{suffix}"), suffix=study.report.figures.formats, allow_missing=True
        ),
    log:
        paths.log("picture", "{claim}"),
    benchmark:
        paths.benchmark("picture", "{claim}")
    conda:
        "../envs/unstuck.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: attempt * 1000,
        runtime=lambda w, attempt: attempt * 10,
    params:
        # kinds and drawings of single claims are found by their names
        code=lambda w: code_of("draw_picture", "figures/kinds/*.py", "figures/particular/*.py"),
        claim=lambda w: judged[w.claim].claim.written(),
        names=lambda w: judged[w.claim].pictured,
        settings=study.report.figures.model_dump(mode="json"),
    message:
        "Drawing the figure of claim {wildcards.claim}"
    script:
        "../../scripts/draw_picture.py"
