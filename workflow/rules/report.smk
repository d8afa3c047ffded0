"""Figures of experiments, the columns of tables, and the pages that a reader opens."""

from unstuck.report.dictionary import page


rule experiment:
    input:
        tables=experiment_tables,
        # of the checkout, where times say nothing
        words=ancient(WORDS),
    output:
        report(
            experiment_pictures[0],
            caption="../report/experiment.rst",
            category="Experiments",
            labels={"experiment": "{experiment}"},
        ),
        experiment_pictures[1:],
    log:
        paths.log("experiment", "{experiment}"),
    benchmark:
        paths.benchmark("experiment", "{experiment}")
    conda:
        "../envs/unstuck.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: attempt * 1000,
        runtime=lambda w, attempt: attempt * 10,
    params:
        code=lambda w: code_of("draw_experiment", "figures/kinds/*.py"),
        words=digest(WORDS.read_text(encoding="utf-8")),
        settings=study.report.figures.model_dump(mode="json"),
    message:
        "Drawing the figure of experiment {wildcards.experiment}"
    script:
        "../../scripts/draw_experiment.py"


rule schemas:
    input:
        described_tables(),
    output:
        [str(Path(table).with_suffix(".schema.json")) for table in described_tables()],
    log:
        paths.log("schemas"),
    conda:
        "../envs/unstuck.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: attempt * 1000,
        runtime=lambda w, attempt: attempt * 10,
    params:
        code=lambda w: code_of("write_schemas"),
        meanings=lambda w: digest(page(plan)),
        root=lambda w: study.results,
        judged={name: planned.tables for name, planned in judged.items()},
    message:
        "Describing the columns of every table"
    script:
        "../../scripts/write_schemas.py"


rule report:
    input:
        pages=ancient(sorted(PAGES.iterdir())),
        verdicts=expand(paths.judged[0], claim=judged),
        judged=expand(paths.judged[1:], claim=judged),
        figures=expand([*pictures, chinese_picture], claim=judged),
        experiments=expand(experiment_pictures, experiment=study.experiments),
        runs=expand(paths.table("csv", "runs"), experiment=study.experiments),
        rates=expand(paths.table("csv", "rates"), experiment=study.experiments),
        # of a function, braces are no wildcards
        notes=lambda w: [study.notes] if study.notes else [],
    output:
        folder=report(
            directory(paths.report),
            htmlindex="index.html",
            caption="../report/pages.rst",
            category="Report",
            labels={"page": "answers"},
        ),
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
        code=lambda w: code_of("write_report"),
        written={name: planned.claim.written() for name, planned in judged.items()},
        settings=digest({key: value for key, value in config.items() if key != "execution"}),
        pages=digest([page.read_text(encoding="utf-8") for page in sorted(PAGES.iterdir())]),
        configfile=lambda w: configfile_option,
    message:
        "Writing the report"
    script:
        "../../scripts/write_report.py"
