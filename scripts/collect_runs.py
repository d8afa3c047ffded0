"""Rule runs: collect the runs, curves and rates of an experiment from the files of its jobs."""

from pathlib import Path

from unstuck.logs import logged
from unstuck.study.load import parse_study
from unstuck.study.merging import write_merged
from unstuck.study.plan import Plan
from unstuck.study.tables import collect, collect_curves

with logged(snakemake.log[0]):
    units = Plan(parse_study(snakemake.config)).units(snakemake.wildcards.experiment)
    columns, out = snakemake.params.columns, snakemake.output
    write_merged(collect(snakemake.input.runs, units), out.runs, out.runs_csv, **columns)
    rates = collect(snakemake.input.rates, units, every=False)
    write_merged(rates, out.rates, out.rates_csv, **columns)
    folders = [Path(part).parent for part in snakemake.input.curves]
    write_merged(collect_curves(folders, units), out.curves, out.curves_csv, **columns)
