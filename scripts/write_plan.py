"""Rule plan: write the table of runs that the experiments of a study expand to."""

from unstuck.files import write_csv
from unstuck.logs import logged
from unstuck.study.load import parse_study
from unstuck.study.plan import Plan

with logged(snakemake.log[0]):
    write_csv(snakemake.output.table, Plan(parse_study(snakemake.config)).runs())
