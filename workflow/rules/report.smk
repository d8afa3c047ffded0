"""Figures, and the pages that a reader opens."""


rule picture:
    input:
        verdict=paths.claim,
        tables=pictured_tables,
        words=f"{workflow.basedir}/workflow/report/words.yaml",
    output:
        figure=expand(paths.figure("{suffix}"), suffix=study.report.figures.formats, allow_missing=True),
        scope=expand(paths.scope("{suffix}"), suffix=study.report.figures.formats, allow_missing=True),
    log:
        paths.log("picture", "{claim}"),
    benchmark:
        paths.benchmark("picture", "{claim}")
    wildcard_constraints:
        claim=one_of(judged),
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


rule figure:
    input:
        evidence=paths.evidence,
    output:
        svg=report(
            paths.figure("svg"),
            caption="../report/claim.rst",
            category=lambda w: section_title(w.claim),
            labels=lambda w: {"claim": w.claim, "about": registry[w.claim].slug},
        ),
        png=paths.figure("png"),
    log:
        paths.log("figure", "{claim}"),
    benchmark:
        paths.benchmark("figure", "{claim}")
    wildcard_constraints:
        claim=one_of(set(registry) - set(judged)),
    conda:
        "../envs/unstuck.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: attempt * 1000,
        runtime=lambda w, attempt: attempt * 10,
    params:
        code=lambda w: code_of("draw_figure", modules_of("figures", w.claim)),
    message:
        "Drawing the figure of claim {wildcards.claim}"
    script:
        "../../scripts/draw_figure.py"


rule forests:
    input:
        registry=registry_files,
        contrasts=paths.contrasts,
    output:
        folder=directory(paths.forests),
    log:
        paths.log("forests", "{section}"),
    benchmark:
        paths.benchmark("forests", "{section}")
    conda:
        "../envs/unstuck.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: attempt * 1000,
        runtime=lambda w, attempt: attempt * 10,
    params:
        code=lambda w: code_of("draw_forests"),
    message:
        "Drawing the effects of the claims of section {wildcards.section}"
    script:
        "../../scripts/draw_forests.py"


rule report:
    input:
        registry=registry_files,
        templates=[
            file for file in sorted(Path("workflow/report").rglob("*")) if file.suffix != ".rst"
        ],
        verdicts=paths.verdicts,
        contrasts=paths.contrasts,
        evidence=expand(paths.evidence, claim=claims),
        figures=expand(paths.figure("svg"), claim=claims),
        forests=expand(paths.forests, section=section_targets.values()),
        cards=expand(paths.card, dataset=study.datasets),
    output:
        folder=directory(paths.report),
    log:
        paths.log("report"),
    benchmark:
        paths.benchmark("report")
    conda:
        "../envs/unstuck.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: attempt * 1000,
        runtime=lambda w, attempt: attempt * 10,
    params:
        code=lambda w: code_of("render_report"),
        command=lambda w: f"snakemake {paths.figure('svg')}{configfile_option}",
        settings=digest({key: value for key, value in config.items() if key != "execution"}),
    message:
        "Writing the report"
    script:
        "../../scripts/render_report.py"
