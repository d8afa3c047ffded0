"""Rule forests: draw the effects of a section's claims against their margins."""

from pathlib import Path

from unstuck.claims.registry import load_registry
from unstuck.figures.forest import draw_forests
from unstuck.logs import logged
from unstuck.report.tables import read_decided

with logged(snakemake.log[0]):
    draw_forests(
        load_registry("workflow/claims"),
        read_decided(snakemake.input.contrasts),
        snakemake.wildcards.section,
        Path(snakemake.output.folder),
    )
