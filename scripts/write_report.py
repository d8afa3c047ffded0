"""Rule report: the pages of a study."""

from pathlib import Path

from unstuck.claims.model import Claim
from unstuck.claims.results import load_summaries
from unstuck.environment import commit_of
from unstuck.files import atomic_folder
from unstuck.logs import logged
from unstuck.report.site import Site, Source
from unstuck.study.load import parse_study

with logged(snakemake.log[0]):
    root = Path(snakemake.output.folder).parent
    source = Source(
        pages=Path(snakemake.input.pages[0]).parent,
        claims=root / "claims",
        figures=root / "figures",
        tables=root / "tables",
        configfile=snakemake.params.configfile,
        commit=commit_of(Path(snakemake.scriptdir)),
        benchmarks=root / "benchmarks",
        notes=Path(snakemake.input.notes[0]) if snakemake.input.notes else None,
    )
    claims = {name: Claim.model_validate(each) for name, each in snakemake.params.written.items()}
    summaries = load_summaries(Path(file).parent for file in snakemake.input.verdicts)
    site = Site.read(parse_study(snakemake.config), claims, summaries, source)
    # a part of it would be taken for the whole where Snakemake's memory is lost
    with atomic_folder(snakemake.output.folder) as folder:
        site.write(folder)
