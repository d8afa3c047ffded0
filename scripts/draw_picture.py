"""Rule picture: draw the figure of one claim, and the forest of its scope."""

from unstuck.claims.drawing import VALUES
from unstuck.claims.model import Claim
from unstuck.claims.results import load_summaries, load_values
from unstuck.figures.draw import save_claim
from unstuck.logs import logged
from unstuck.study.report import FigureSettings
from unstuck.study.tables import read_table

with logged(snakemake.log[0]):
    pairs = zip(snakemake.params.names, snakemake.input.tables, strict=True)
    tables = {VALUES: load_values(snakemake.input.verdict)}
    tables |= {name: read_table(path, name) for name, path in pairs}
    settings = FigureSettings.model_validate(snakemake.params.settings)
    claim = Claim.model_validate(snakemake.params.claim)
    summary = load_summaries([snakemake.input.verdict])[0]
    for language, figure, scope in (
        (settings.language, snakemake.output.figure, snakemake.output.scope),
        ("zh", snakemake.output.chinese[:1], snakemake.output.chinese[1:]),
    ):
        spoken = settings.model_copy(update={"language": language})
        save_claim(claim, summary, tables, snakemake.input.words, spoken, figure, scope)
