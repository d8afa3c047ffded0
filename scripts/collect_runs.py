"""Rule runs: collect the runs, curves and rates of an experiment from the files of its jobs."""

from unstuck.logs import logged
from unstuck.study.load import parse_study
from unstuck.study.plan import Plan
from unstuck.study.tables import collect

with logged(snakemake.log[0]):
    plan, given, out = Plan(parse_study(snakemake.config)), snakemake.input, snakemake.output
    name = snakemake.wildcards.experiment
    collect(given.runs, plan.wanted(name, "runs"), out.runs, out.runs_csv)
    collect(given.rates, plan.wanted(name, "rates"), out.rates, out.rates_csv)
    curves = plan.wanted(name, "curves")
    collect(given.curves, curves, out.curves, out.curves_csv, runs=given.runs)
