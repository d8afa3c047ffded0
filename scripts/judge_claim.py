"""Rule judge: one claim, from the tables it reads."""

from pathlib import Path

from unstuck.claims.model import Claim
from unstuck.claims.results import save, word_of
from unstuck.claims.terms import Words
from unstuck.claims.verdict import decide
from unstuck.files import read_parquet
from unstuck.logs import logged

with logged(snakemake.log[0]):
    pairs = zip(snakemake.params.names, snakemake.input.tables, strict=True)
    tables = {name: read_parquet(path) for name, path in pairs}
    gates = dict(word_of(Path(file).parent) for file in snakemake.input.gates)
    claim = Claim.model_validate(snakemake.params.claim)
    verdict = decide(claim, tables, gates, snakemake.params.lines)
    places = {name: Words(**each) for name, each in snakemake.params.places.items()}
    save(verdict, Path(snakemake.output[0]).parent, places)
