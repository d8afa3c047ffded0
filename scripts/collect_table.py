"""Rule table: collect one table of an experiment from the files of its jobs."""

from pathlib import Path

from unstuck.files import write_csv, write_parquet
from unstuck.logs import logged
from unstuck.study.load import parse_study
from unstuck.study.plan import Plan
from unstuck.study.tables import collect, collect_curves

with logged(snakemake.log[0]):
    experiment, kind = snakemake.wildcards.experiment, snakemake.wildcards.kind
    seeds = Plan(parse_study(snakemake.config)).cell_seeds(experiment, kind)
    if kind == "curves":
        table = collect_curves([Path(part).parent for part in snakemake.input.parts], seeds)
    else:
        table = collect(snakemake.input.parts, seeds)
    write_parquet(snakemake.output.parquet, table)
    # a spectrum is one cell of the Parquet file, and too long for one of a CSV file
    write_csv(snakemake.output.csv, table.drop(columns="eigenvalues", errors="ignore"))
