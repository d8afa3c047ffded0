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
    save_claim(
        Claim.model_validate(snakemake.params.claim),
        load_summaries([snakemake.input.verdict])[0],
        {VALUES: load_values(snakemake.input.verdict)}
        | {name: read_table(path, name) for name, path in pairs},
        snakemake.input.words,
        FigureSettings.model_validate(snakemake.params.settings),
        snakemake.output.figure,
        snakemake.output.scope,
    )
