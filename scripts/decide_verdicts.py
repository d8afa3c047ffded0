"""Rule verdicts: judge every claim of the study."""

from unstuck.claims.evidence import Evidence
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.files import write_csv
from unstuck.logs import logged

with logged(snakemake.log[0]):
    registry = load_registry("workflow/claims")
    evidence = [Evidence.load(folder) for folder in snakemake.input.evidence]
    verdicts = decide({each.claim: registry[each.claim] for each in evidence}, evidence)
    write_csv(snakemake.output.verdicts, verdicts.claims)
    write_csv(snakemake.output.contrasts, verdicts.contrasts)
