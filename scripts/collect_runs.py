"""Rule runs: collect the runs and the curves of an experiment from the files of its jobs."""

from pathlib import Path

from unstuck.files import write_csv, write_parquet
from unstuck.logs import logged
from unstuck.study.load import parse_study
from unstuck.study.plan import Plan
from unstuck.study.tables import collect, collect_curves

with logged(snakemake.log[0]):
    plan, experiment = Plan(parse_study(snakemake.config)), snakemake.wildcards.experiment
    seeds, integers = plan.cell_seeds(experiment), plan.integer_labels(experiment)
    runs = collect(snakemake.input.runs, seeds, integers)
    write_parquet(snakemake.output.runs, runs)
    write_csv(snakemake.output.runs_csv, runs)
    folders = [Path(part).parent for part in snakemake.input.curves]
    curves = collect_curves(folders, seeds, integers)
    write_parquet(snakemake.output.curves, curves)
    write_csv(snakemake.output.curves_csv, curves)
