"""Rule evidence: measure one claim."""

from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.logs import logged
from unstuck.study.tables import read_table

with logged(snakemake.log[0]):
    claim = load_registry("workflow/claims")[snakemake.wildcards.claim]
    tables = {
        argument: read_table(snakemake.input[argument], name)
        for argument, name in claim.reads.items()
    }
    evaluate(claim, tables).save(snakemake.output.folder)
