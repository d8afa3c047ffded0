"""Mutated studies and claims are plans, or one short sentence, at once; never a traceback."""

import copy
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml
from checkout import REPOSITORY
from fault_table import write_section
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from unstuck.claims.planning import planned_claims
from unstuck.errors import UnstuckError
from unstuck.study.load import load_study
from unstuck.study.measurements.registry import MEASUREMENTS
from unstuck.study.plan import Plan

CLAIMS = REPOSITORY / "workflow/claims"
CHARACTERS, SECONDS = 400, 5.0
#: how often a study is mutated; of the rest a claim, each as often
STUDIES = {"smoke": 0.4, "config": 0.1, "full": 0.02, "claims": 0.48}
SECTION = """Files of the shipped studies and claims, with one to three mutations each by a seed:
values replaced by hostile ones, keys dropped, doubled and renamed, types changed, values put
elsewhere, text cut, lines doubled, characters replaced (`make sweep`; a sample is an ordinary
test). Each is a plan or one sentence of at most 400 characters, within 5 seconds of the processor.
"""
Change = Callable[[Node, random.Random], None]

HOSTILE = [
    *(None, True, False, 0, -1, 1, 7, 10**9, 10**30, 1e-320, 1e308, float("nan"), float("inf")),
    *("", "a b", "../../evil", "/etc/passwd", "con$(touch evil)", "`id`", "{job}", "{0.__class__}"),
    *("ä", "a" * 5_000, "\0", "\x07", "\u202e", "%s", "<script>", "$\\frac{$", "~", "off", "1e-3"),
    *("1:30", "010", "2026-99-99", "full", "tuned", "sgd", "digits", "all", "runs", "javascript:x"),
    *([], {}, [[]], {"a": {"a": {"a": 1}}}, [None], list(range(300)), {"a" * 300: 1}),
]


def node_of(value: object) -> Node:
    return yaml.compose(yaml.safe_dump(value))


def holders(node: Node) -> Iterator[MappingNode | SequenceNode]:
    """Every mapping and list that holds something."""
    if isinstance(node, MappingNode | SequenceNode) and node.value:
        yield node
        for each in node.value:
            for part in each if isinstance(each, tuple) else (each,):
                yield from holders(part)


def put(holder: MappingNode | SequenceNode, place: int, value: Node) -> None:
    held = holder.value[place]
    holder.value[place] = (held[0], value) if isinstance(held, tuple) else value


def got(holder: MappingNode | SequenceNode, place: int) -> Node:
    held = holder.value[place]
    return held[1] if isinstance(held, tuple) else held


def one(root: Node, dice: random.Random) -> tuple[MappingNode | SequenceNode, int]:
    holder = dice.choice(list(holders(root)) or [node_of({"a": 1})])
    return holder, dice.randrange(len(holder.value))


def replace(root: Node, dice: random.Random) -> None:
    put(*one(root, dice), node_of(dice.choice(HOSTILE)))


def renumber(root: Node, dice: random.Random) -> None:
    holder, place = one(root, dice)
    value = yaml.safe_load(yaml.serialize(got(holder, place)))
    if isinstance(value, int | float) and not isinstance(value, bool):
        other = dice.choice([2 * value, value + 1, value / 2, value // 3, -value, 1000 * value])
        put(holder, place, node_of(other))


def drop(root: Node, dice: random.Random) -> None:
    holder, place = one(root, dice)
    del holder.value[place]


def double(root: Node, dice: random.Random) -> None:
    holder, place = one(root, dice)
    holder.value.append(holder.value[place])


def rename(root: Node, dice: random.Random) -> None:
    holder = dice.choice([each for each in holders(root) if isinstance(each, MappingNode)])
    place = dice.randrange(len(holder.value))
    key, value = holder.value[place]
    near = key.value[1:] + key.value[:1] if isinstance(key, ScalarNode) else "a"
    holder.value[place] = (node_of(dice.choice([near, near.upper(), *HOSTILE])), value)


def retype(root: Node, dice: random.Random) -> None:
    holder, place = one(root, dice)
    value = got(holder, place)
    kinds = [
        SequenceNode("tag:yaml.org,2002:seq", [value]),
        MappingNode("tag:yaml.org,2002:map", [(node_of("a"), value)]),
        node_of("16") if isinstance(value, ScalarNode) else node_of(16),
    ]
    if isinstance(value, MappingNode) and value.value:
        kinds.append(SequenceNode("tag:yaml.org,2002:seq", [each for _, each in value.value]))
    put(holder, place, dice.choice(kinds))


def exchange(root: Node, dice: random.Random) -> None:
    holder, place = one(root, dice)
    other, there = one(root, dice)
    put(holder, place, copy.deepcopy(got(other, there)))


CHANGES: dict[str, Change] = {
    "a value replaced": replace,
    "another number": renumber,
    "a key or an entry dropped": drop,
    "a key or an entry doubled": double,
    "a key renamed": rename,
    "another type": retype,
    "a value from elsewhere": exchange,
}


def cut(text: str, dice: random.Random) -> str:
    return text[: dice.randrange(len(text))]


def doubled_line(text: str, dice: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    place = dice.randrange(len(lines))
    return "".join([*lines[:place], lines[place], *lines[place:]])


def other_character(text: str, dice: random.Random) -> str:
    place = dice.randrange(len(text))
    return text[:place] + dice.choice("\t:-[]{}&*!|>'\"%@`#,?\n 0x\0é") + text[place + 1 :]


TEXTS: dict[str, Callable[[str, random.Random], str]] = {
    "text cut": cut,
    "a line doubled": doubled_line,
    "a character replaced": other_character,
}


def mutated(text: str, dice: random.Random) -> tuple[str, str]:
    """A mutated text, and what was done first."""
    kinds = [dice.choice([*CHANGES, *CHANGES, *TEXTS]) for _ in range(dice.choice([1, 1, 1, 2, 3]))]
    node = yaml.compose(text, Loader=yaml.CSafeLoader)
    for kind in kinds:
        if kind in CHANGES and list(holders(node)):
            CHANGES[kind](node, dice)
    if {*kinds} & {*CHANGES}:
        text = yaml.serialize(node, Dumper=yaml.CSafeDumper)
    for kind in kinds:
        text = TEXTS[kind](text, dice) if kind in TEXTS and text else text
    return text, kinds[0]


@pytest.fixture(scope="module")
def claims(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry of two claims, which is read in no time."""
    folder = tmp_path_factory.mktemp("claims")
    for name in ("1.2/1.2.5-small-trains-better.yaml", "2.2/2.2.2-softmax.yaml"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(CLAIMS / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def default() -> Plan:
    return Plan(load_study(REPOSITORY / "config.yaml"))


def outcome(read: Callable[[], object]) -> str:
    """Read what was mutated: `plan`, `sentence`, or what is wrong with it."""
    started = time.process_time()
    try:
        read()
        found = "plan"
    except UnstuckError as error:
        said = str(error)
        short = len(said) <= CHARACTERS and "\n" not in said and said.isprintable()
        found = "sentence" if short else f"no short sentence: {said!r}"
    except Exception as error:  # any other is what must not be
        found = f"traceback: {error!r}"
    seconds = time.process_time() - started
    return found if seconds <= SECONDS else f"{seconds:.0f} s: {found}"


class Mutations:
    """Mutates files and counts what comes of them."""

    def __init__(self, claims: Path, default: Plan) -> None:
        self.claims, self.default = claims, default
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in (*CHANGES, *TEXTS)}
        self.wrong: list[str] = []

    def study(self, file: str) -> None:
        plan = Plan(load_study(file))
        assert plan.digest
        assert plan.jobs
        for kind in MEASUREMENTS:
            plan.measured(kind)
        planned_claims("all", self.claims, plan)

    def claim(self, file: str) -> None:
        planned_claims([file], Path("none"), self.default)

    def run(self, seeds: range) -> None:
        files = {
            "smoke": [REPOSITORY / "workflow/studies/smoke.yaml"],
            "config": [REPOSITORY / "config.yaml"],
            "full": [REPOSITORY / "workflow/studies/full.yaml"],
            "claims": sorted(CLAIMS.glob("*/*.yaml")),
        }
        for seed in seeds:
            dice = random.Random(seed)
            (what,) = dice.choices(list(STUDIES), STUDIES.values())
            path = dice.choice(files[what])
            text, kind = mutated(path.read_text(encoding="utf-8"), dice)
            Path(path.name).write_text(text, encoding="utf-8")
            found = outcome(partial(self.claim if what == "claims" else self.study, path.name))
            self.counts[kind][found if found in ("plan", "sentence") else "wrong"] += 1
            if found not in ("plan", "sentence"):
                self.wrong.append(f"seed {seed}, {path.name}, {kind}: {found}")


@pytest.fixture
def mutations(
    claims: Path, default: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Mutations:
    monkeypatch.chdir(tmp_path)
    return Mutations(claims, default)


def test_some_mutations_are_plans_or_sentences(mutations: Mutations) -> None:
    mutations.run(range(200))
    assert mutations.wrong == []


@pytest.mark.slow
def test_ten_thousand_mutations_are_plans_or_sentences(
    mutations: Mutations, writes_faults: bool
) -> None:
    mutations.run(range(10_000))
    if writes_faults:
        columns = ("plan", "sentence", "wrong")
        rows = [
            f"| {name} | {' | '.join(str(counts[column]) for column in columns)} |"
            for name, counts in mutations.counts.items()
        ]
        head = f"| the first mutation | {' | '.join(columns)} |\n|{' --- |' * 4}"
        write_section("Mutated studies and claims", "\n".join([SECTION, head, *rows]))
    assert mutations.wrong == []
