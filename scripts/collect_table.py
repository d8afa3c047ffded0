"""Rule table: collect what was measured at the endpoints of an experiment."""

from unstuck.logs import logged
from unstuck.study.load import parse_study
from unstuck.study.plan import Plan
from unstuck.study.tables import collect

with logged(snakemake.log[0]):
    wildcards, out = snakemake.wildcards, snakemake.output
    wanted = Plan(parse_study(snakemake.config)).wanted(wildcards.experiment, wildcards.kind)
    collect(snakemake.input.parts, wanted, out.parquet, out.csv)
