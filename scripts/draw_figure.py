"""Rule figure: draw the figure of one claim from its evidence."""

from unstuck.claims.storage import load_evidence
from unstuck.figures.registry import draw
from unstuck.figures.style import save
from unstuck.logs import logged

with logged(snakemake.log[0]):
    evidence = load_evidence(snakemake.input.evidence)
    save(draw(snakemake.wildcards.claim, evidence), snakemake.output.svg, snakemake.output.png)
