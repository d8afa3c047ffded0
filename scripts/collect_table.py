"""Rule table: collect what was measured at the endpoints of an experiment."""

from unstuck.logs import logged
from unstuck.study.load import parse_study
from unstuck.study.merging import write_merged
from unstuck.study.plan import Plan
from unstuck.study.tables import collect

with logged(snakemake.log[0]):
    wildcards, out = snakemake.wildcards, snakemake.output
    units = Plan(parse_study(snakemake.config)).units(wildcards.experiment, wildcards.kind)
    rows = collect(snakemake.input.parts, units, every=False)
    write_merged(rows, out.parquet, out.csv, **snakemake.params.columns)
