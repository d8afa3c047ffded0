"""Rule answers: the verdicts of all claims as a table, and their answers as a table and a page."""

from pathlib import Path

from unstuck.claims.results import answers, answers_page, load_summaries, verdicts
from unstuck.files import write_csv, write_text
from unstuck.logs import logged

with logged(snakemake.log[0]):
    found = load_summaries(Path(file).parent for file in snakemake.input.verdicts)
    write_csv(snakemake.output.verdicts, verdicts(found))
    write_csv(snakemake.output.table, answers(found))
    write_text(snakemake.output.page, answers_page(found))
