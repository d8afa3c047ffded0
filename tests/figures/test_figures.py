"""Every claim's figure: drawn from saved evidence, the same bytes twice, nothing cut off."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from made_up import TABLES
from made_up.batch_momentum_time import update_times
from made_up.batch_normalisation_inference import inference_scores
from matplotlib.axes import Axes
from matplotlib.text import Text

from unstuck.claims.evaluation import measure_of
from unstuck.claims.evidence import Evidence
from unstuck.claims.storage import load_evidence, save_evidence
from unstuck.errors import DataError, RegistryError
from unstuck.figures import style
from unstuck.figures.registry import draw, figure

CLAIMS = sorted(TABLES)
DC = "{http://purl.org/dc/elements/1.1/}"


@pytest.fixture(scope="module")
def drawn(evidence, tmp_path_factory):
    """The figure of a claim, drawn from evidence that went through its files, and the folder."""
    folder = tmp_path_factory.mktemp("figures")
    figures = {}

    def give(claim):
        if claim not in figures:
            save_evidence(evidence(claim), folder / "evidence" / claim)
            figures[claim] = draw(claim, load_evidence(folder / "evidence" / claim))
            style.save(figures[claim], folder / f"{claim}.svg", folder / f"{claim}.png")
        return figures[claim], folder

    return give


@pytest.mark.parametrize("claim", CLAIMS)
def test_two_drawings_are_the_same_bytes(claim, drawn, evidence, tmp_path):
    _, folder = drawn(claim)
    style.save(draw(claim, evidence(claim)), tmp_path / "again.svg", tmp_path / "again.png")
    assert (tmp_path / "again.svg").read_bytes() == (folder / f"{claim}.svg").read_bytes()
    assert (tmp_path / "again.png").read_bytes() == (folder / f"{claim}.png").read_bytes()


@pytest.mark.parametrize("claim", CLAIMS)
def test_the_headline_is_a_sentence_that_travels_with_the_file(claim, drawn):
    drawing, folder = drawn(claim)
    root = ElementTree.parse(folder / f"{claim}.svg").getroot()
    title = root.findtext(f".//{DC}title")
    assert title is not None
    assert len(title.split()) >= 5
    assert title == str(drawing.get_label()).splitlines()[0]
    text = (folder / f"{claim}.svg").read_text()
    assert "<dc:date>" not in text
    # words are outlines, so that no reader's fonts move them
    assert "<text" not in text


def _title(claim, made):
    return str(draw(claim, made).get_label()).splitlines()[0]


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_check_that_fails_changes_the_headline(claim, evidence):
    made = evidence(claim)
    groups = {}
    for index, check in enumerate(made.checks):
        if check.role == "effect":
            groups.setdefault(tuple(check.condition.items()), []).append(index)
    said = _title(claim, made) if groups else ""
    for indices in groups.values():
        # where some fail the claim does not hold, and the headline says so already
        if all(made.checks[index].holds for index in indices):
            check = made.checks[indices[-1]]
            failed = replace(check, value=check.expected + 10 * check.tolerance + 1)
            changed = (*made.checks[: indices[-1]], failed, *made.checks[indices[-1] + 1 :])
            assert _title(claim, replace(made, checks=changed)) != said


@pytest.mark.parametrize(
    ("claim", "condition"),
    [
        ("1.1.1", {"place": "kink"}),
        ("1.1.2", {"hessian": "semidefinite"}),
        ("2.1.11", {"reading": "vanishes"}),
        ("2.2.2", {"gap": "difference"}),
        ("3.2.2", {"outgoing": "own"}),
    ],
)
def test_a_headline_that_tells_of_failures_changes_where_all_hold(claim, condition, evidence):
    made = evidence(claim)
    held = tuple(
        replace(check, value=check.expected) if dict(check.condition) == condition else check
        for check in made.checks
    )
    assert held != made.checks
    assert _title(claim, replace(made, checks=held)) != _title(claim, made)


@pytest.mark.parametrize("claim", CLAIMS)
def test_no_word_leaves_the_figure(claim, drawn):
    drawing, _ = drawn(claim)
    with style.styled():
        drawing.draw_without_rendering()
        width, height = drawing.bbox.size
        # matplotlib keeps labels of ticks beyond the limits, and does not draw them
        unseen = {
            label
            for ax in drawing.findobj(Axes)
            for axis, limits in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim()))
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())
            if not min(limits) <= tick.get_loc() <= max(limits)
            for label in (tick.label1, tick.label2)
        }
        for text in set(drawing.findobj(Text)) - unseen:
            if text.get_visible() and text.get_text().strip():
                box = text.get_window_extent()
                assert box.x0 >= -2, text
                assert box.x1 <= width + 2, text
                assert box.y0 >= -2, text
                assert box.y1 <= height + 2, text


@pytest.mark.parametrize("claim", CLAIMS)
def test_every_axis_is_named(claim, drawn):
    drawing, _ = drawn(claim)
    assert drawing.get_figwidth() == style.WIDTH
    words = " ".join(text.get_text() for text in drawing.findobj(Text))
    for wanted in {
        "1.1.1": ("Error of the expansion", "Length r of the step", "+ Hessian", "r³"),
        "1.1.2": ("Curvature that a step finds", "Monkey saddle", "cannot tell"),
        "1.1.3": ("Weight w₁", "Weight w₂", "Loss", "origin: a saddle"),
        "1.1.4": ("Update", "Loss", "started on the saddle: stays", "Foretold by the eigenvalue"),
        "1.1.5": ("Share of certified points", "Rows n", "saddles", "caught: gradient-flat"),
        "1.1.6": ("Training loss at the endpoint", "ladder of 3 units", "float32", "Tolerance"),
        "1.1.7": ("Share of stalled runs", "Gradient norm", "annealed rate"),
        "1.1.8": ("Parameters P", "Seconds", "MiB", "form the Hessian"),
        "1.2.1": ("Epoch", "Validation accuracy (%)", "sorted by class", "one fixed order"),
        "1.2.2": ("Batch size B (samples)", "Variance of the gradient", "with replacement"),
        "1.2.3": ("Batch size (samples an update)", "Time of an update (ms)", "knee", "2 threads"),
        "1.2.4": ("Batch size (samples an update)", "Time of an epoch of 60,000 samples (s)"),
        "1.2.5": ("Batch size (samples an update)", "accuracy (%)", "training", "validation"),
        "1.2.8": ("Parameter x", "Momentum β", "Walks that cross (%)", "Updates to leave a saddle"),
        "1.2.9": ("Condition number κ", "Along the valley, x", "best momentum", "momentum 0.9"),
        "1.2.6": ("Batch size (samples an update)", "test accuracy (%)", "Adam, one rate"),
        "2.1.1": ("Update", "Change of the loss (%)", "rate ÷ 10", "Stalled runs with a large"),
        "2.1.2": ("Gradient norm", "Loss above the minimum (%)", "Before and after polishing"),
        "1.2.7": ("Batch size (samples)", "largest eigenvalue λ", "Factor α of the first layer"),
        "2.1.3": ("Bias b", "Weight w", "Distance left", "1e-7: crawls along"),
        "2.1.4": ("Distance left", "Updates to arrive", "Adagrad (sum)", "Turned by 45°"),
        "2.1.7": (
            "Defaults minus tuned (points)",
            "m: 0.9m + 0.1g",
            "torch.optim to",
            "256 updates",
        ),
        "2.1.6": ("x, along which the steepness changes", "Updates to settle", "α = 0.999"),
        "2.1.5": ("Curvature along the parameter", "Effective rate η/σ", "Rank correlation"),
        "2.1.8": ("Learning rate η", "Bursts per", "sum of squares", "Regression, η = 0.1"),
        "2.1.9": ("Update", "Largest distance in", "with η/√(t + 1)"),
        "2.1.10": ("Failed runs (%)", "Learning rate η", "RAdam, no warm-up", "Variance of 1/σ"),
        "2.1.11": ("Update", "Size of the step", "β₁ = 0.9"),
        "2.1.12": ("Main effect on test accuracy (points)", "optimizer", "schedule"),
        "2.2.3": ("Output y₁ of the true class", "Updates to p > 0.9", "given up", "Adam"),
        "2.2.1": ("Test accuracy (%)", "one-hot targets", "class numbers permuted", "Digits"),
        "2.2.4": ("Updates to the target", "cross-entropy", "sure and wrong", "MNIST-1D"),
        "3.1.1": (
            "Weight of feature 1",
            "κ of the Hessian",
            "Updates to the target",
            "SGD, Digits",
        ),
        "3.1.2": ("Before the layer", "Value of the feature", "Feature"),
        "3.1.3": ("Sample whose input changes", "all others\ntogether", "Batch size (samples)"),
        "3.2.1": ("Weights on a 100×100×3 image", "Side of the map", "no padding"),
        "3.2.2": ("Distance of the two neurons' weights", "Update", "another field"),
        "3.2.4": ("Pixel of the image", "Place of the map", "Layers of 3×3", "effective field"),
        "3.2.5": (
            "Distance from the place of training",
            "Accuracy on test patterns",
            "local, pooled",
        ),
        "3.2.6": ("Training samples", "test accuracy (%)", "Fit of random labels (%)", "permuted"),
        "3.2.3": ("Image, 6×6", "Filter, 3×3", "Feature map, 4×4"),
        "2.2.2": ("Gap of the inputs", "Ratio of the outputs", "Difference of the outputs"),
        "3.1.4": ("Test accuracy, before minus after (points)", "ReLU", "sigmoid"),
        "3.1.5": ("Test accuracy (%)", "Updates made", "p = 0.999", "all samples"),
        "3.1.7": ("Largest eigenvalue\nof the Hessian", "Updates made", "noise 0.5", "without"),
        "3.1.6": ("Learning rates at which the network trains", "hidden layers", "at no rate"),
    }[claim]:
        assert wanted in words


def test_the_headline_of_1_2_5_quotes_the_data(evidence):
    made = evidence("1.2.5")
    accuracy = made.tables["accuracy"]
    tuned = accuracy[(accuracy["rate"] == "tuned") & (accuracy["budget"] == "epochs")]
    means = tuned.groupby(["dataset", "batch_size"])["validation_accuracy"].mean().unstack()
    gains = 100 * (means.iloc[:, 0] - means.iloc[:, -1])[list(dict.fromkeys(accuracy["dataset"]))]
    said = " and ".join(f"{gain:+.1f}".replace("-", "−") for gain in gains)
    assert f"gains {said} points over the largest at equal epochs" in str(
        draw("1.2.5", made).get_label()
    )


def test_the_headline_of_2_1_12_names_the_factor_that_moves_most(evidence):
    title = str(draw("2.1.12", evidence("2.1.12")).get_label())
    assert title.startswith("Batch size moves accuracy most, by 3.")


def test_the_headline_of_1_2_3_leaves_out_a_processor_that_was_busy():
    times = update_times({"thread": (2e-4, 4e-6), "parallel": (0.5, 4e-6)})
    drawing = draw("1.2.3", measure_of("1.2.3")(times=times))
    assert "one of 1,000 samples takes 20 times as long on 1 thread" in str(drawing.get_label())
    assert "2 threads" not in str(drawing.get_label())


@pytest.mark.parametrize(("batch", "word"), [(5.0, "better"), (-5.0, "worse")])
def test_the_headline_of_3_1_5_says_which_way_batch_statistics_differ(batch, word):
    made = measure_of("3.1.5")(scores=inference_scores(lambda *place: 0.0, batch=batch))
    title = " ".join(str(draw("3.1.5", made).get_label()).split())
    assert title.count(f"points {word} on") == 2
    assert "in batches of 16, " in title


def test_rates_between_usable_ones_that_are_not_leave_a_gap_in_the_bar_of_3_1_6(evidence):
    made = evidence("3.1.6")
    accuracy = made.tables["accuracy"]
    one = (accuracy["dataset"] == "digits") & (accuracy["activation"] == "sigmoid")
    one &= (accuracy["depth"] == 2) & (accuracy["batchnorm"] == "before")
    middle = one & np.isclose(accuracy["lr"], 0.1)
    gap = accuracy.assign(accuracy=accuracy["accuracy"].mask(middle, 10.0))
    bars = [
        len(draw("3.1.6", replace(made, tables=made.tables | {"accuracy": table})).axes[0].lines)
        for table in (accuracy, gap)
    ]
    # of both shades
    assert bars[1] == bars[0] + 2


def test_a_grid_as_small_as_the_smoke_study_is_drawn(small_grid, tmp_path):
    style.save(draw("2.1.12", small_grid), tmp_path / "small.svg", tmp_path / "small.png")
    assert (tmp_path / "small.png").stat().st_size > 10_000


def test_the_last_digits_of_the_layout_do_not_matter(tmp_path):
    files = []
    for noise in (0.0, 1e-12):
        with style.styled():
            drawing, axes = style.canvas()
            axes[0, 0].plot([0, 1], [0, 1])
            drawing.set_layout_engine("none")
            axes[0, 0].set_position((0.1 + noise, 0.1 - noise, 0.8 + noise, 0.7 + noise))
        files.append(tmp_path / f"{noise}.svg")
        style.save(drawing, files[-1], tmp_path / "picture.png")
    assert files[0].read_bytes() == files[1].read_bytes()


def test_settings_outside_are_left_alone(evidence):
    before = dict(matplotlib.rcParams)
    draw("2.2.2", evidence("2.2.2"))
    assert dict(matplotlib.rcParams) == before


def test_settings_outside_do_not_change_a_figure(evidence, tmp_path):
    made = evidence("2.2.2")
    names = []
    for size in (6.0, 14.0):
        with matplotlib.rc_context({"font.size": size, "axes.grid": False}):
            names.append(tmp_path / f"{size}.svg")
            style.save(draw("2.2.2", made), names[-1], tmp_path / "a.png")
    assert names[0].read_bytes() == names[1].read_bytes()


def test_evidence_of_another_claim_is_refused(evidence):
    with pytest.raises(
        RegistryError, match=r"claim 2\.1\.11 was given the evidence of claim 2\.2\.2"
    ):
        draw("2.1.11", evidence("2.2.2"))


def test_a_claim_without_a_figure_is_named():
    with pytest.raises(
        RegistryError, match=r"claim 3\.2\.99 has no function.*@figure.*figures\.convolution"
    ):
        draw("3.2.99", Evidence("3.2.99"))


def test_a_second_figure_of_a_claim_is_refused(evidence):
    draw("2.2.2", evidence("2.2.2"))
    with pytest.raises(RegistryError, match="has two functions"):
        figure("2.2.2")(lambda made: style.blank())


@pytest.mark.parametrize(
    ("claim", "table", "column"), [("1.2.5", "accuracy", "rate"), ("2.2.2", "gaps", "")]
)
def test_missing_evidence_is_named(claim, table, column, evidence):
    made = evidence(claim)
    tables = dict(made.tables)
    if column:
        tables[table] = tables[table].drop(columns=column)
    else:
        del tables[table]
    with pytest.raises(DataError, match=rf"claim {claim}.*{column or table}"):
        draw(claim, replace(made, tables=tables))


def test_missing_files_are_named(evidence, tmp_path: Path):
    save_evidence(evidence("1.2.5"), tmp_path)
    (tmp_path / "accuracy.csv").unlink()
    with pytest.raises(DataError, match=r"accuracy\.csv"):
        load_evidence(tmp_path)


def test_labels_that_collide_are_spread():
    with style.styled():
        drawing, axes = style.canvas()
        ax = axes[0, 0]
        ax.set_ylim(0, 1)
        labels = [(0.5, y, f"line {y}", style.INK) for y in (0.5, 0.501, 0.502, 0.9)]
        style.end_labels(ax, labels, gap=11.0)
        drawing.draw_without_rendering()
        boxes = sorted((text.get_window_extent().y0, text.get_text()) for text in ax.texts)
    apart = np.diff([y for y, _ in boxes])
    assert (apart > 10.0 * drawing.dpi / 72).all()
    assert [text for _, text in boxes] == [label for *_, label, _ in labels]


def test_names_have_one_colour_each():
    assert style.color("adam") == style.color("adam")
    assert len({style.color(name) for name in ("digits", "mnist1d", "mnist5k", "cifar10")}) == 4
    assert (
        len({style.color(name) for name in ("sgd", "momentum", "adagrad", "rmsprop", "adam")}) == 5
    )
    assert style.color("a new one").startswith("#")
