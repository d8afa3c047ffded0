"""Rule report: write the pages that a reader opens."""

from pathlib import Path

from unstuck.claims.registry import load_registry
from unstuck.files import read_json
from unstuck.logs import logged
from unstuck.report.render import Sources, render
from unstuck.report.tables import read_decided
from unstuck.study.load import parse_study
from unstuck.study.paths import Paths

with logged(snakemake.log[0]):
    study = parse_study(snakemake.config)
    paths = Paths(study.results)
    render(
        study,
        load_registry("workflow/claims"),
        read_decided(snakemake.input.verdicts),
        read_decided(snakemake.input.contrasts),
        Sources(
            evidence=Path(paths.evidence).parent,
            figures=Path(paths.figure("svg")).parent,
            forests=Path(paths.forests).parent,
            templates=Path("workflow/report"),
        ),
        out=Path(snakemake.output.folder),
        cards={
            name: read_json(card)
            for name, card in zip(study.datasets, snakemake.input.cards, strict=True)
        },
        command=snakemake.params.command,
    )
