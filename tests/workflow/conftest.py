"""A copy of the repository in which the smoke study has run, for all tests of the workflow."""

import pytest
from checkout import SMOKE, Checkout, copy_repository
from replayed import take_down


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout in which the smoke study is finished."""
    checkout = copy_repository(tmp_path_factory.mktemp("first") / "unstuck")
    take_down(checkout)
    checkout.snakemake("--configfile", SMOKE)
    return checkout
