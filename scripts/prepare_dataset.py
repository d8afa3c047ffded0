"""Rule dataset: prepare one dataset and write its tensors and card."""

from unstuck.data.prepare import prepare
from unstuck.errors import DataError
from unstuck.logs import logged
from unstuck.study.load import parse_study

with logged(snakemake.log[0]):
    spec = parse_study(snakemake.config).datasets[snakemake.wildcards.dataset]
    if spec.digest != snakemake.params.digest:
        raise DataError(f"{spec.origin.name} has changed since planning; run snakemake again.")
    dataset = prepare(spec, snakemake.params.units)
    dataset.save(snakemake.output.tensors, snakemake.output.card)
