"""Rule claim: judge a claim from the tables it reads, and draw its figure in every language."""

from pathlib import Path

from unstuck.claims.drawing import VALUES
from unstuck.claims.model import Claim
from unstuck.claims.results import load_summaries, load_values, save, word_of
from unstuck.claims.terms import Words
from unstuck.claims.verdict import decide
from unstuck.figures.draw import save_claim
from unstuck.files import read_parquet
from unstuck.logs import logged
from unstuck.study.report import FigureSettings

with logged(snakemake.log[0]):
    pairs = zip(snakemake.params.names, snakemake.input.tables, strict=True)
    tables = {name: read_parquet(path) for name, path in pairs}
    gates = dict(word_of(Path(file).parent) for file in snakemake.input.gates)
    claim = Claim.model_validate(snakemake.params.claim)
    verdict = decide(claim, tables, gates, snakemake.params.lines)
    folder = Path(snakemake.output.judged[0]).parent
    places = {name: Words(**each) for name, each in snakemake.params.places.items()}
    save(verdict, folder, places)

    tables[VALUES] = load_values(folder)
    summary = load_summaries([folder])[0]
    settings = FigureSettings.model_validate(snakemake.params.settings)
    for language, files in (
        (settings.language, snakemake.output.figure),
        ("zh", [snakemake.output.chinese]),
    ):
        spoken = settings.model_copy(update={"language": language})
        save_claim(claim, summary, tables, snakemake.input.words, spoken, files)
