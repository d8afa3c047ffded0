"""On the grid of every study that is shipped, every line of every claim can be compared.

The numbers mean nothing: what is held is that no condition varies unsaid, units pair, and every
value is in the grid.
"""

from pathlib import Path

import pytest
from grid_tables import GridTables

from unstuck.claims.check import check
from unstuck.claims.comparison import compare
from unstuck.claims.lines import Comparison
from unstuck.claims.planning import planned_claims
from unstuck.study.load import load_study
from unstuck.study.plan import Plan

REPOSITORY = Path(__file__).parents[2]
STUDIES = ["config.yaml", "workflow/studies/smoke.yaml", "workflow/studies/full.yaml"]


@pytest.mark.parametrize("study", STUDIES)
def test_every_line_of_every_claim_can_be_compared(study: str) -> None:
    plan = Plan(load_study(REPOSITORY / study))
    tables = GridTables(plan)
    experiments = plan.study.experiments
    found = 0
    for planned in planned_claims("all", REPOSITORY / "workflow/claims", plan).values():
        claim = planned.claim
        lines = {**claim.lines, **claim.control_specs}
        specs = [*claim.parts.values(), *(lines[name] for name in planned.lines)]
        for spec in specs:
            if any(table.partition(".")[0] not in experiments for table in spec.tables):
                continue
            if isinstance(spec, Comparison):
                assert compare(spec, tables).pairs
            else:
                check(spec, tables)
            found += 1
    assert found
