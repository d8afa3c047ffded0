"""Rule table: collect what was measured at the endpoints of an experiment."""

from unstuck.files import write_csv, write_parquet
from unstuck.logs import logged
from unstuck.study.load import parse_study
from unstuck.study.plan import Plan
from unstuck.study.tables import collect

with logged(snakemake.log[0]):
    experiment, kind = snakemake.wildcards.experiment, snakemake.wildcards.kind
    plan = Plan(parse_study(snakemake.config))
    seeds, integers = plan.cell_seeds(experiment, kind), plan.integer_labels(experiment)
    table = collect(snakemake.input.parts, seeds, integers)
    write_parquet(snakemake.output.parquet, table)
    # a spectrum is one cell of the Parquet file, and too long for one of a CSV file
    write_csv(snakemake.output.csv, table.drop(columns="eigenvalues", errors="ignore"))
