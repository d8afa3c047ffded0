"""Rule experiment: draw what an experiment's runs came to."""

from pathlib import Path

from unstuck.figures.experiment import save_experiment
from unstuck.files import read_parquet
from unstuck.logs import logged
from unstuck.study.report import FigureSettings

with logged(snakemake.log[0]):
    tables = {Path(path).stem: read_parquet(path) for path in snakemake.input.tables}
    settings = FigureSettings.model_validate(snakemake.params.settings)
    for language, file in zip((settings.language, "zh"), snakemake.output, strict=True):
        spoken = settings.model_copy(update={"language": language})
        save_experiment(snakemake.wildcards.experiment, tables, snakemake.input.words, spoken, file)
