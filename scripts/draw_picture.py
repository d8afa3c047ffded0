"""Rule picture: draw the figure of one claim, in English or as the study says, and in Chinese."""

from pathlib import Path

from unstuck.claims.drawing import VALUES
from unstuck.claims.model import Claim
from unstuck.claims.results import load_summaries, load_values
from unstuck.figures.draw import save_claim
from unstuck.files import read_parquet
from unstuck.logs import logged
from unstuck.study.report import FigureSettings

with logged(snakemake.log[0]):
    pairs = zip(snakemake.params.names, snakemake.input.tables, strict=True)
    judged = Path(snakemake.input.verdict[0]).parent
    tables = {VALUES: load_values(judged)}
    tables |= {name: read_parquet(path) for name, path in pairs}
    settings = FigureSettings.model_validate(snakemake.params.settings)
    claim = Claim.model_validate(snakemake.params.claim)
    summary = load_summaries([judged])[0]
    for language, files in (
        (settings.language, snakemake.output.figure),
        ("zh", [snakemake.output.chinese]),
    ):
        spoken = settings.model_copy(update={"language": language})
        save_claim(claim, summary, tables, snakemake.input.words, spoken, files)
