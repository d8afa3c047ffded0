"""A claim's file changed without leave is found: each has a table on which its outcome is known.

Arms swapped, a margin moved, a condition dropped, another column: what comes out is not what was
expected of the file as it is, or the engine refuses it.
"""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import hand_tables as made
import numpy as np
import pandas as pd
import pytest

from unstuck.claims.model import Claim, load_claim
from unstuck.claims.verdict import decide
from unstuck.errors import UnstuckError

REPOSITORY = Path(__file__).parents[2]
BOTH = ["digits", "mnist1d"]


def batches():
    places = made.cells(dataset=BOTH, batch=["8", "full"], lr_policy=["tuned", "fixed"])

    def better(place):
        sign = 1 if place["lr_policy"] == "tuned" else -3
        return 0.013 * sign * (place["batch"] == "8")

    table = made.runs(places, made.accuracies(better))
    # the test data must not decide
    return {"batch_epochs.runs": table.assign(test_accuracy=0.6)}


def grid():
    places = made.cells(
        dataset=BOTH,
        batch=["16", "64", "full"],
        optimizer=["sgd", "momentum", "rmsprop"],
        schedule=["constant", "warmup_cosine"],
        batchnorm=["off", "before"],
    )
    gains = {"sgd": 0.0, "momentum": 0.013, "rmsprop": 0.014}

    def better(place):
        if place["batchnorm"] == "before" or place["batch"] == "full":
            return -5 * gains[place["optimizer"]] - 0.2 * (place["schedule"] != "constant")
        if place["schedule"] == "constant":
            return gains[place["optimizer"]]
        # momentum and σ gain nothing any more, so that the mean over optimizers tells
        return 0.022

    table = made.runs(places, made.accuracies(better))
    return {"grid.runs": table.assign(train_accuracy=0.5)}


def depths():
    places = made.cells(
        dataset=BOTH, repeat=[2, 5, 10], activation=["relu", "tanh"], batchnorm=["off", "before"]
    )
    table = made.runs(places, lambda _: {"train_accuracy": 0.9, "test_accuracy": 0.9})

    def updates(row):
        slower = 1.7 if row["activation"] == "relu" else 0.2
        return 60.0 * (slower if row["batchnorm"] == "off" else 1)

    return {"depth_speed.runs": table, "depth_speed.curves": made.curves(table, updates)}


def placements():
    places = made.cells(
        dataset=BOTH,
        repeat=[3, 6],
        activation=["sigmoid", "tanh", "relu"],
        batchnorm=["before", "after"],
    )

    def better(place):
        first = place["batchnorm"] == "before"
        # tanh and ReLU differ by 0.8 points: within the margin, and not within two thirds of it
        return first * (0.013 if place["activation"] == "sigmoid" else 0.008)

    table = made.runs(places, made.accuracies(better))
    return {"placement.runs": table.assign(train_accuracy=0.5)}


def stalls():
    rows = [
        {
            "run_id": f"{dataset}-{batch}-{schedule}-{optimizer}-{unit}",
            "cell": f"{dataset}-{batch}-{schedule}-{optimizer}",
            "role": "fixed",
            "lr": 0.1,
            "dataset": dataset,
            "batch": batch,
            "schedule": schedule,
            "optimizer": optimizer,
            "seed": unit,
            "origin": origin,
            "stalled": stalled,
            "initial_norm": 1.0,
            # of 60 stalled runs in small batches 39 are above a tenth, and none of the others
            "start_gradient_norm": 0.2
            if (origin, batch, schedule, stalled) == ("endpoint", "32", "constant", True)
            and optimizer == "sgd"
            and unit < 39
            else 0.01,
        }
        for dataset in ("digits_few", "mnist1d_few")
        for batch, schedule in (("32", "constant"), ("32", "cosine"), ("full", "constant"))
        for optimizer in ("sgd", "adam")
        for origin in ("endpoint", "minimum")
        for stalled, units in ((True, range(60)), (False, range(60, 100)))
        for unit in units
    ]
    return {"stalled.stalls": pd.DataFrame(rows)}


def remainders():
    radii = np.logspace(-3, -1, 9)
    powers = {"initial": (1, 2, 3), "endpoint": (1, 2, 3), "critical": (2, 2, 3), "kink": (1, 1, 1)}
    return {
        "taylor.remainders": pd.DataFrame(
            [
                {
                    "case": case,
                    "point": point,
                    "direction": direction,
                    "order": order,
                    "radius": radius,
                    "remainder": 2.0 * radius ** power[order],
                    "rounding": 1e-16,
                }
                for case in ("tanh", "sigmoid")
                for point, power in powers.items()
                for direction in ("highest", "random")
                for order in (0, 1, 2)
                for radius in radii
            ]
        )
    }


def orders():
    places = made.cells(
        dataset=BOTH, order=["reshuffled", "fixed", "sorted"], lr_policy=["tuned", "fixed"]
    )

    def better(place):
        sign = 1 if place["lr_policy"] == "tuned" else -3
        return 0.013 * sign * (place["order"] == "reshuffled")

    # the training data must not decide
    return {"orders.runs": made.runs(places, made.accuracies(better)).assign(train_accuracy=0.6)}


def codes():
    ordered = ["digits_brightness", "mnist1d_brightness"]
    places = made.cells(dataset=BOTH + ordered, loss=["class_number"], relabel=[0, 1, 2, 3])
    places += made.cells(dataset=BOTH + ordered, loss=["squared_error"], relabel=[0])

    def better(place):
        if place["dataset"] in ordered:
            return 0.3 * (place["loss"] == "class_number")
        # the given numbers are the best of the four, and 2.6 points worse is their mean
        worse = (0.011, 0.031, 0.031, 0.031)[place["relabel"]]
        return -worse * (place["loss"] == "class_number")

    return {"codes.runs": made.runs(places, made.accuracies(better)).assign(train_accuracy=0.6)}


def coupling():
    rows = made.cells(
        batchnorm=["off", "before"], mode=["training", "inference"], own=[True, False], other=[0, 1]
    )

    def relative(row):
        if row["own"]:
            return 1e-9
        one = row["batchnorm"] == "before" and row["mode"] == "training"
        return 1.2e-8 * (1 + row["other"]) if one else 0.0

    table = pd.DataFrame([row | {"relative": relative(row)} for row in rows])
    strength = made.cells(batch_size=[8, 64], closed_form_gap=[0.0], torch_gap=[0.0], one=[0.1])
    return {
        "batchnorm_layer.coupling": table,
        "batchnorm_layer.strength": pd.DataFrame(strength),
    }


def averages():
    kinds = [("running", 0.5), ("running", 0.9), ("running", 0.99), ("batch", -1.0)]
    places = [
        place | {"kind": kind, "momentum": momentum}
        for place in made.cells(dataset=BOTH, batch_size=[16, 64], update=[10, 300])
        for kind, momentum in kinds
    ]

    def better(place):
        worse = 0.008 if (place["batch_size"], place["update"]) == (64, 300) else 0.05
        memory = {0.5: 0.2, 0.9: worse, 0.99: 0.3, -1.0: 0.0}
        return {"accuracy": 0.9 - memory[place["momentum"]]}

    rows = made.runs(places, better)
    return {"running_averages.scores": rows[[*places[0], "seed", "accuracy"]]}


EXPECTED = {
    "1.1.1": (remainders, "supported", {"A": 3.0, "B": 2.0}),
    "1.2.1": (orders, "supported", {"": 1.3}),
    "1.2.5": (batches, "supported", {"": 1.3}),
    "2.1.1": (stalls, "supported", {"": 15.0}),
    "2.1.12": (grid, "supported", {"A": 1.3, "B": 1.4, "C": 1.3}),
    "2.2.1": (codes, "supported", {"": 2.6}),
    "3.1.3": (coupling, "supported", {"A": 1.2e-8, "B": 0.0}),
    "3.1.4": (placements, "supported", {"A": 0.8, "B": 1.3}),
    "3.1.5": (averages, "supported", {"": -0.8}),
    "3.1.6": (depths, "supported", {"": 1.7}),
}


def outcome(claim: Claim, tables) -> tuple[str, dict[str, float]]:
    """The word of a claim without its scope, and the number of each part."""
    found = decide(claim, tables, lines=())
    numbers = {}
    for part in found.parts:
        if part.checked is not None:
            numbers[part.name] = part.checked.value
        elif part.estimate is not None:
            ratio = getattr(part.spec, "scale", "") == "ratio"
            numbers[part.name] = np.exp(part.estimate.effect) if ratio else part.estimate.effect
    return str(found.word), numbers


def matches(found, expected) -> bool:
    word, numbers = expected
    return (
        found[0] == word
        and found[1].keys() == numbers.keys()
        and all(
            found[1][part] == pytest.approx(number, rel=0.03) for part, number in numbers.items()
        )
    )


def file_of(claim: str) -> Path:
    return next((REPOSITORY / "workflow/claims").glob(f"*/{claim}-*.yaml"))


def parts_of(content: dict) -> list[dict]:
    primary = content["primary"]
    return list(primary.values()) if set(primary) <= {"A", "B", "C"} else [primary]


def mutations(content: dict) -> Iterator[tuple[str, dict]]:
    """The file with one thing changed in its primary, and what it was."""
    for index, part in enumerate(parts_of(content)):

        def changed(index=index):
            copy = deepcopy(content)
            return copy, parts_of(copy)[index]

        if isinstance(part.get("reference"), dict):
            copy, mutant = changed()
            mutant["arm"], mutant["reference"] = mutant["reference"], mutant["arm"]
            yield f"{index} swapped", copy
        for column in part.get("where", {}):
            copy, mutant = changed()
            del mutant["where"][column]
            yield f"{index} without {column}", copy
        for column in part.get("over", {}):
            copy, mutant = changed()
            del mutant["over"][column]
            yield f"{index} not over {column}", copy
        if "holds" in part:
            for bound, value in part["holds"].items():
                if value == 0:
                    continue
                copy, mutant = changed()
                mutant["holds"][bound] = value * 1.5
                yield f"{index} {bound}", copy
    measure = content.get("measure", {})
    if "margin" in measure:
        copy = deepcopy(content)
        larger = measure["margin"] * 1.5
        claims = parts_of(content)[0].get("claims", measure.get("claims"))
        within = claims in ("equivalence", "no worse")
        copy["measure"]["margin"] = measure["margin"] / 1.5 if within else larger
        yield "margin", copy
    if measure.get("value") in ("train_accuracy", "test_accuracy"):
        copy = deepcopy(content)
        other = {"train_accuracy": "test_accuracy", "test_accuracy": "train_accuracy"}
        copy["measure"]["value"] = other[measure["value"]]
        yield "other column", copy


CASES = [
    pytest.param(claim, change, id=f"{claim} {name}")
    for claim in EXPECTED
    for name, change in mutations(load_claim(file_of(claim)).written() | {"id": claim, "slug": "x"})
]


@pytest.fixture(scope="module")
def tables():
    return {claim: make() for claim, (make, _, _) in EXPECTED.items()}


@pytest.mark.parametrize("claim", EXPECTED)
def test_a_claim_comes_out_as_its_tables_were_made(claim, tables):
    found = outcome(load_claim(file_of(claim)), tables[claim])
    assert matches(found, EXPECTED[claim][1:]), found


@pytest.mark.parametrize(("claim", "change"), CASES)
def test_a_change_of_the_primary_is_found(claim, change, tables):
    try:
        found = outcome(Claim.model_validate(change), tables[claim])
    except (UnstuckError, ValueError):
        return
    assert not matches(found, EXPECTED[claim][1:]), found
