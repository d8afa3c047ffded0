"""Full Fashion-MNIST really trains."""

from pathlib import Path

import pytest

from unstuck.training.loop import train_population

FOLDER = Path("/usr/share/datasets/fashion-mnist")


@pytest.mark.slow
@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"{FOLDER} is not installed")
def test_one_epoch_of_full_fashion_mnist(make_recipe):
    from unstuck.data.prepare import prepare
    from unstuck.data.spec import DatasetSpec

    spec = DatasetSpec(source="fashion_mnist", folder=str(FOLDER), splits="one")
    data = prepare(spec, (0, 1))
    assert data.samples("train") + data.samples("validation") == 60_000
    recipe = make_recipe(epochs=1, evaluations=1, batch_size=64, network={"hidden": (64,)})
    final = train_population([recipe.at(0.001, seed) for seed in range(2)], data).final
    assert (final["test_accuracy"] > 0.7).all()
