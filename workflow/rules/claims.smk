"""From tables to verdicts, from verdicts to answers."""


rule judge:
    input:
        tables=judged_tables,
        gates=judged_gates,
    output:
        paths.judged,
    log:
        paths.log("judge", "{claim}"),
    benchmark:
        paths.benchmark("judge", "{claim}")
    conda:
        "../envs/unstuck.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: attempt * 1500,
        runtime=lambda w, attempt: attempt * 10,
    params:
        code=lambda w: code_of("judge_claim") + brought_code(),
        claim=lambda w: judged[w.claim].claim.written("figure"),
        lines=lambda w: judged[w.claim].lines,
        names=lambda w: judged[w.claim].tables,
        places={name: words.model_dump() for name, words in places.items()},
    message:
        "Judging claim {wildcards.claim}"
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
