"""Rule runs: collect the runs and the curves of an experiment from the files of its jobs."""

from pathlib import Path

from unstuck.logs import logged
from unstuck.study.load import parse_study
from unstuck.study.merging import write_merged
from unstuck.study.plan import Plan
from unstuck.study.tables import collect, collect_curves

with logged(snakemake.log[0]):
    seeds = Plan(parse_study(snakemake.config)).cell_seeds(snakemake.wildcards.experiment)
    columns, out = snakemake.params.columns, snakemake.output
    write_merged(collect(snakemake.input.runs, seeds), out.runs, out.runs_csv, **columns)
    folders = [Path(part).parent for part in snakemake.input.curves]
    write_merged(collect_curves(folders, seeds), out.curves, out.curves_csv, **columns)
