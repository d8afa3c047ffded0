"""Rule dataset: prepare one dataset and write its tensors and card."""

from unstuck.data.prepare import prepare
from unstuck.data.spec import DatasetSpec
from unstuck.logs import logged

with logged(snakemake.log[0]):
    spec = DatasetSpec.model_validate(snakemake.params.spec)
    dataset = prepare(spec, snakemake.params.units)
    dataset.save(snakemake.output.tensors, snakemake.output.card)
