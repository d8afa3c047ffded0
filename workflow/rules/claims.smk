"""From tables to verdicts and figures, from verdicts to answers."""


rule claim:
    input:
        tables=claim_tables,
        gates=judged_gates,
        # of the checkout, where times say nothing
        words=ancient(WORDS),
    output:
        judged=paths.judged,
        figure=[
            report(
                pictures[0],
                caption="../report/claim.rst",
                category="Claims",
                subcategory=lambda w: judged[w.claim].claim.section,
                labels=lambda w: {"claim": w.claim, "about": judged[w.claim].claim.slug},
            ),
            *pictures[1:],
        ],
        chinese=chinese_picture,
    log:
        paths.log("claim", "{claim}"),
    benchmark:
        paths.benchmark("claim", "{claim}")
    conda:
        "../envs/unstuck.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: attempt * 1500,
        runtime=lambda w, attempt: attempt * 10,
    params:
        # kinds are found by their names
        code=lambda w: code_of("judge_claim", "figures/kinds/*.py"),
        brought=lambda w: brought_code(),
        words=digest(WORDS.read_text(encoding="utf-8")),
        claim=lambda w: judged[w.claim].claim.written(),
        lines=lambda w: judged[w.claim].lines,
        names=claim_table_names,
        places={name: words.model_dump() for name, words in places.items()},
        settings=study.report.figures.model_dump(mode="json"),
    message:
        "Judging claim {wildcards.claim}, and drawing its figure"
    script:
        "../../scripts/judge_claim.py"


rule answers:
    input:
        verdicts=expand(paths.judged[0], claim=judged),
    output:
        verdicts=paths.verdicts,
        table=paths.answers("csv"),
        page=paths.answers("md"),
    log:
        paths.log("answers"),
    conda:
        "../envs/unstuck.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: attempt * 1000,
        runtime=lambda w, attempt: attempt * 10,
    params:
        code=lambda w: code_of("write_answers"),
    message:
        "Writing the answers"
    script:
        "../../scripts/write_answers.py"
