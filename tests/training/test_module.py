"""A population of a torch.nn.Module of one's own against the ordinary loop, and what is refused."""

import importlib.util
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from unstuck.curvature.critical_points.polishing import polish
from unstuck.curvature.critical_points.zeros import symmetry_zeros
from unstuck.curvature.hessian import dense
from unstuck.curvature.problem import Problem
from unstuck.curvature.spectra.spectrum import spectrum
from unstuck.errors import ConfigError
from unstuck.optim.coefficients import OPTIMIZERS
from unstuck.optim.schedules import SCHEDULES, factors
from unstuck.population.foreign import source_digest
from unstuck.population.spec import NetworkSpec
from unstuck.training.checkpoint import Checkpoint
from unstuck.training.loop import network_of, train_population
from unstuck.training.order import Batches
from unstuck.training.spec import Recipe

FILE = Path(__file__).parents[1] / "population/nets/own.py"
UPDATES = 40
NETWORKS = {
    "residual": ("Residual", {"inputs": 16, "outputs": 4}),
    "convolutional": ("Convolutional", {}),
    "batchnorm": ("Convolutional", {"norm": True}),
}
OPTIMISERS = {
    "sgd": torch.optim.SGD,
    "momentum": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9),
    "adam": torch.optim.Adam,
}


@pytest.fixture(scope="module")
def dataset(make_dataset):
    return make_dataset(units=range(4))


@pytest.fixture(scope="module")
def own():
    """The file, imported as its owner would."""
    spec = importlib.util.spec_from_file_location("own", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def described(name, **arguments):
    return NetworkSpec(kind="module", file=str(FILE), name=name, arguments=arguments)


def make(name, arguments, optimizer="sgd", schedule="constant", **fields):
    network = described(name, **arguments)
    given = {"updates": UPDATES, "evaluations": 2, "dtype": "float64", **fields}
    return Recipe(
        dataset="clusters",
        data="0",
        network=network,
        source=source_digest(network),
        optimizer=OPTIMIZERS[optimizer],
        schedule=SCHEDULES[schedule],
        **given,
    )


def ordinary(module, optimizer, recipe, run, data):
    """Train one module by the loop that everybody writes."""
    x, y = torch.from_numpy(data.x_train).double(), torch.from_numpy(data.y_train)
    batches = Batches(recipe.order, [data.y_train], [run.seed], recipe.samples(len(y)))
    stream = itertools.chain.from_iterable(batches.epoch(epoch) for epoch in itertools.count())
    scale = factors(recipe.schedule, UPDATES)
    module.train()
    for update, batch in zip(range(UPDATES), stream, strict=False):
        optimizer.param_groups[0]["lr"] = run.lr * scale[update]
        rows = torch.as_tensor(batch[0])
        optimizer.zero_grad()
        nn.functional.cross_entropy(module(x[rows]), y[rows]).backward()
        optimizer.step()


@pytest.mark.parametrize("optimizer", OPTIMISERS)
@pytest.mark.parametrize("network", NETWORKS)
def test_every_member_is_what_the_ordinary_loop_trains(dataset, own, network, optimizer):
    name, arguments = NETWORKS[network]
    recipes = [make(name, arguments, optimizer, each) for each in ("constant", "cosine")]
    runs = [
        recipe.at(lr, seed)
        for recipe, (lr, seed) in itertools.product(recipes, ((0.01, 1), (0.02, 3)))
    ]
    result = train_population(runs, dataset)
    final = result.final.set_index("run_id")
    for run in runs:
        torch.manual_seed(run.seed)
        module = getattr(own, name)(**arguments).double()
        data = dataset.unit(run.seed)
        ordinary(module, OPTIMISERS[optimizer](module.parameters(), run.lr), run, run, data)
        theta = torch.cat([each.detach().flatten() for each in module.parameters()])
        np.testing.assert_allclose(result.theta[run.run_id], theta.numpy(), rtol=0, atol=1e-10)
        averages = [each.flatten() for each in module.buffers() if each.is_floating_point()]
        if averages:
            held = torch.cat(averages).numpy()
            np.testing.assert_allclose(result.buffers[run.run_id], held, rtol=0, atol=1e-10)
        module.eval()
        x, y = torch.from_numpy(data.x_test).double(), torch.from_numpy(data.y_test)
        loss = nn.functional.cross_entropy(module(x), y).item()
        assert final.loc[run.run_id, "test_loss"] == pytest.approx(loss, rel=1e-10)


def test_an_interrupted_run_goes_on_to_the_same_bytes(dataset, tmp_path):
    runs = [make("Convolutional", {"norm": True}, "adam").at(0.01, seed) for seed in range(2)]
    path = tmp_path / "state.safetensors"

    def interrupt(updates):
        if path.exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_population(runs, dataset, checkpoint=Checkpoint(path, 0), advanced=interrupt)
    resumed = train_population(runs, dataset, checkpoint=Checkpoint(path, 1000))
    straight = train_population(runs, dataset)
    for run in runs:
        assert resumed.theta[run.run_id].tobytes() == straight.theta[run.run_id].tobytes()
        assert resumed.buffers[run.run_id].tobytes() == straight.buffers[run.run_id].tobytes()


def problem_of(dataset, network, loss="cross_entropy", decay=0.0):
    name, arguments = NETWORKS[network]
    population = network_of(make(name, arguments, loss=loss), dataset)
    data = dataset.unit(0)
    return Problem(
        network=population,
        theta=population.initial(0),
        buffers=population.initial_buffers(),
        x=torch.from_numpy(data.x_train[:40]).double(),
        y=torch.from_numpy(data.y_train[:40]),
        loss=loss,
        weight_decay=decay,
    )


@pytest.mark.parametrize("network", NETWORKS)
def test_hessians_are_those_of_the_module_alone(dataset, own, network):
    name, arguments = NETWORKS[network]
    problem = problem_of(dataset, network, decay=0.01)
    torch.manual_seed(0)
    module = getattr(own, name)(**arguments).double().train()
    names = [each for each, _ in module.named_parameters()]
    shapes = [each.shape for each in module.parameters()]
    sizes = [shape.numel() for shape in shapes]

    def loss(theta):
        parts = [p.view(s) for p, s in zip(theta.split(sizes), shapes, strict=True)]
        outputs = torch.func.functional_call(
            module, dict(zip(names, parts, strict=True)), (problem.x,)
        )
        return nn.functional.cross_entropy(outputs, problem.y) + 0.005 * theta @ theta

    expected = torch.autograd.functional.hessian(loss, problem.theta)
    torch.testing.assert_close(dense.hessian(problem), expected, rtol=1e-9, atol=1e-11)
    assert problem.value() == pytest.approx(float(loss(problem.theta)), rel=1e-12)
    values = np.linalg.eigvalsh(expected.numpy())
    found = spectrum(problem)
    np.testing.assert_allclose(found.eigenvalues, values, rtol=0, atol=1e-10)
    bound = 1e-6 * np.abs(values).max()
    counts = (found.inertia(1e-6).negative, found.inertia(1e-6).positive)
    assert counts == ((values < -bound).sum(), (values > bound).sum())


def test_shifts_of_all_outputs_are_known_where_the_last_layer_is_linear(dataset):
    problem = problem_of(dataset, "residual")
    zeros = symmetry_zeros(problem)
    assert zeros.shape[1] == 9
    assert float(problem.hessian_product(zeros.mT.contiguous()).norm(dim=1).max()) < 1e-12
    assert symmetry_zeros(problem_of(dataset, "residual", "squared_error")).shape[1] == 0


def test_critical_points_of_a_module_are_certified(dataset):
    found = polish(problem_of(dataset, "residual", decay=0.01))
    assert found.converged
    assert found.certificate.kind == "minimum"


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("Simple", {"after": "dropout"}, "it draws random numbers as it computes, like dropout"),
        ("Simple", {"after": "cumulative"}, "keeps something that is no floating buffer"),
        ("Simple", {"after": "counts"}, "or remembers otherwise than by buffers"),
        ("Simple", {"after": "no averages"}, "it mixes the samples of a batch"),
        ("Simple", {"after": "frozen"}, "has parameters that are not trained; make them buffers"),
        ("Simple", {"after": "lazy"}, "has lazy layers; give the sizes of their inputs"),
        ("Simple", {"after": "branch"}, "cannot be trained as a population"),
        ("Simple", {"after": "", "outputs": 3}, "outputs of shape [3, 3] for 3 samples; expected"),
        (
            "Simple",
            {"after": "", "inputs": 15},
            "15x4); a sample has 16 inputs, of shape [16].",
        ),
        ("Simple", {"width": 4}, "cannot be made: Simple.__init__() got an unexpected keyword"),
        ("none", {}, "cannot be made: it is a int, not a torch.nn.Module"),
        ("Missing", {}, "has no Missing"),
    ],
)
def test_what_is_no_population_is_refused_in_a_sentence(dataset, name, arguments, message):
    with pytest.raises(ConfigError) as refused:
        network_of(make(name, arguments), dataset)
    sentence = str(refused.value)
    assert message in sentence
    assert str(FILE) in sentence
    assert "\n" not in sentence


def test_changed_code_is_not_run(dataset, tmp_path):
    file = tmp_path / "net.py"
    file.write_text("raise SystemExit\n")
    network = NetworkSpec(kind="module", file=str(file), name="Net")
    recipe = make("Simple", {}).model_copy(update={"network": network, "source": "0" * 64})
    with pytest.raises(ConfigError, match="changed since this was planned"):
        network_of(recipe, dataset)


def test_a_package_is_taken_as_a_file_is(dataset, tmp_path, monkeypatch):
    (tmp_path / "owned").mkdir()
    (tmp_path / "owned/__init__.py").write_text("")
    (tmp_path / "owned/nets.py").write_text(FILE.read_text())
    monkeypatch.syspath_prepend(tmp_path)
    network = NetworkSpec(
        kind="module", package="owned.nets", name="Simple", arguments={"after": ""}
    )
    before = source_digest(network)
    recipe = make("Simple", {}).model_copy(update={"network": network, "source": before})
    assert network_of(recipe, dataset).parameter_count == 68
    (tmp_path / "owned/other.py").write_text("x = 1\n")
    assert source_digest(network) != before
