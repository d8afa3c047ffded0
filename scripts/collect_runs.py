"""Rule runs: collect the runs and the curves of an experiment from the files of its jobs."""

from pathlib import Path

from unstuck.files import write_csv, write_parquet
from unstuck.logs import logged
from unstuck.study.load import parse_study
from unstuck.study.plan import Plan
from unstuck.study.tables import collect, collect_curves

with logged(snakemake.log[0]):
    seeds = Plan(parse_study(snakemake.config)).cell_seeds(snakemake.wildcards.experiment)
    runs = collect(snakemake.input.runs, seeds)
    write_parquet(snakemake.output.runs, runs)
    write_csv(snakemake.output.runs_csv, runs)
    curves = collect_curves([Path(part).parent for part in snakemake.input.curves], seeds)
    write_parquet(snakemake.output.curves, curves)
    write_csv(snakemake.output.curves_csv, curves)
