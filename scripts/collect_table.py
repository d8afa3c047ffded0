"""Rule table: collect what was measured at the endpoints of an experiment."""

from unstuck.logs import logged
from unstuck.study.load import parse_study
from unstuck.study.merging import write_merged
from unstuck.study.plan import Plan
from unstuck.study.tables import collect

with logged(snakemake.log[0]):
    experiment, kind = snakemake.wildcards.experiment, snakemake.wildcards.kind
    plan = Plan(parse_study(snakemake.config))
    rows = collect(snakemake.input.parts, plan.cell_seeds(experiment, kind))
    integers = plan.integer_labels(experiment)
    write_merged(rows, snakemake.output.parquet, snakemake.output.csv, integers)
