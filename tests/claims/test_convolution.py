"""Claims 3.2.1 and 3.2.3: their verdicts, and that their checks can fail."""

from pathlib import Path

import numpy as np
import pytest

from unstuck.claims import convolution
from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.population import windows

REGISTRY = load_registry(Path(__file__).parents[2] / "workflow" / "claims")


def verdict(claim_id):
    claim = REGISTRY[claim_id]
    evidence = evaluate(claim, {})
    return decide({claim_id: claim}, [evidence]).claims.iloc[0], evidence


def test_the_counts_are_those_of_the_notes():
    found, evidence = verdict("3.2.1")
    assert (found.verdict, found.control) == ("supported", "passed"), found.reason
    table = evidence.tables["counts"].set_index("layer")
    assert list(table["weights"]) == [30_000_000, 17_280_000, 1_728]
    assert list(table["biases"]) == [1_000, 640_000, 64]
    # sharing spares weights, not work
    assert table.loc["local", "multiply_adds"] == table.loc["shared", "multiply_adds"]


def test_windows_that_overhang_the_image_are_counted_as_wrong(monkeypatch):
    def rounded_up(size, kernel, stride, padding):
        return -(-(size + 2 * padding - kernel) // stride) + 1

    monkeypatch.setattr(windows, "map_size", rounded_up)
    found, evidence = verdict("3.2.1")
    assert found.verdict == "contradicted"
    wrong = next(check for check in evidence.checks if "one by one" in check.name)
    assert wrong.value > 100


def test_the_filter_finds_both_diagonals():
    found, evidence = verdict("3.2.3")
    assert (found.verdict, found.control) == ("supported", "passed"), found.reason
    assert evidence.numbers["values_of_the_map"] == (
        "3 -1 -3 -1 / -3 1 0 -3 / -3 -3 0 1 / 3 -2 -2 -1"
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"IMAGE": ("100100", "010010", "001001", "100010", "010010", "001010")}, "contradicted"),
        ({"DIAGONAL": tuple(map(tuple, np.fliplr(convolution.DIAGONAL)))}, "invalid"),
    ],
)
def test_another_image_or_filter_is_noticed(monkeypatch, change, expected):
    for name, value in change.items():
        monkeypatch.setattr(convolution, name, value)
    assert verdict("3.2.3")[0].verdict == expected
