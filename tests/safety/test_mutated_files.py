"""Mutated studies and claims are plans, or one short sentence, at once; never a traceback."""

import copy
import random
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import yaml
from checkout import REPOSITORY
from fault_table import write_section
from written import misread, spanned
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
SECTION = """Files of the shipped studies and claims, with one to three mutations each by a seed
(`make sweep`; a sample is an ordinary test). Each is a plan or one sentence of at most 400
characters, within 5 seconds of the processor. Of each plan the file was read again by another
reader, which resolves nothing: every word and number that stands in it must have arrived as it is
written, and every experiment must have as many cells as its lists span.
"""
Change = Callable[[Node, random.Random], None]

HOSTILE = [
    *(None, True, False, 0, -1, 1, 7, 10**9, 10**30, 1e-320, 1e308, float("nan"), float("inf")),
    *("", "a b", "../../evil", "/etc/passwd", "con$(touch evil)", "`id`", "{job}", "{0.__class__}"),
    *("ä", "a" * 5_000, "\0", "\x07", "\u202e", "%s", "<script>", "$\\frac{$", "~", "off", "1e-3"),
    *("1:30", "010", "2026-99-99", "full", "tuned", "sgd", "digits", "all", "runs", "javascript:x"),
    *([], {}, [[]], {"a": {"a": {"a": 1}}}, [None], list(range(300)), {"a" * 300: 1}),
]
#: as a person or another program may write a value; {0} is the value as it was
SPELLINGS = [
    *("yes", "no", "on", "off", "y", "N", "Yes", "TRUE", "False", "null", "NULL", "~", "Null", ""),
    *("0o17", "017", "0x1F", "0b11", "1_000", "1,000", "1:30", "12:30:45", "+7", "-0", "7.", ".7"),
    *("1e3", "1E+3", "1e", "1.0", "1.", "1.e-3", ".inf", "-.INF", ".nan", "inf", "nan", "NaN"),
    *("1e400", "1e-400", "9" * 400, "0." + "3" * 60, "9007199254740993", "2026-01-01", "=", "<<"),
    *("{0}.0", "{0}e0", "0{0}", "+{0}", "'{0}'", '"{0}"', "!!str {0}", "!!int {0}", "!!float {0}"),
    *("!!bool {0}", "!!null {0}", "!own {0}", "!!python/name:os.system {0}", "!!binary {0}"),
    *("{0} # {0}", "{0}#{0}", "'{0}", "[{0}", "{{{0}", "*{0}", "&a {0}", "{0}: {0}", "- {0}"),
    *("|\n      {0}", ">-\n      {0}", '"\\x00{0}"', '"\\u202e{0}"', "\u00a0{0}", "\t{0}", "% {0}"),
    *("\uff11\uff12", "\u0661", "\ufeff{0}", "{0}\u2028"),
]


def node_of(value: object) -> Node:
    return yaml.compose(yaml.safe_dump(value))


def holders(node: Node) -> list[MappingNode | SequenceNode]:
    """Every mapping and list that holds something, once where aliases name it again."""
    found: dict[int, MappingNode | SequenceNode] = {}
    left = [node]
    while left:
        here = left.pop()
        if isinstance(here, MappingNode | SequenceNode) and here.value and id(here) not in found:
            found[id(here)] = here
            for each in here.value:
                left.extend(each if isinstance(each, tuple) else (each,))
    return list(found.values())


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


def move(root: Node, dice: random.Random) -> None:
    homes = [each for each in holders(root) if isinstance(each, MappingNode)]
    home, other = dice.choice(homes), dice.choice(homes)
    place = dice.randrange(len(home.value))
    moved = home.value.pop(place)
    # into itself it would have no end
    if not any(other is each for each in (moved[1], *holders(moved[1]))):
        other.value.insert(dice.randrange(len(other.value) + 1), moved)


def alias(root: Node, dice: random.Random) -> None:
    holder, place = one(root, dice)
    other, there = one(root, dice)
    value = got(other, there)
    if dice.random() < 0.2:
        levels = dice.choice([3, 12])
        for _ in range(levels):
            value = SequenceNode("tag:yaml.org,2002:seq", [value] * 9)
    if dice.random() < 0.3 and isinstance(holder, MappingNode):
        holder.value.append((ScalarNode("tag:yaml.org,2002:merge", "<<"), value))
    elif not any(holder is each for each in holders(value)):
        put(holder, place, value)


def nest(root: Node, dice: random.Random) -> None:
    holder, place = one(root, dice)
    value = got(holder, place)
    for _ in range(dice.choice([1, 2, 30, 60, 150])):
        pair = [(node_of("a"), value)]
        value = (
            MappingNode("tag:yaml.org,2002:map", pair)
            if dice.random() < 0.5
            else SequenceNode("tag:yaml.org,2002:seq", [value])
        )
    put(holder, place, value)


CHANGES: dict[str, Change] = {
    "a value replaced": replace,
    "another number": renumber,
    "a key or an entry dropped": drop,
    "a key or an entry doubled": double,
    "a key renamed": rename,
    "another type": retype,
    "a value from elsewhere": exchange,
    "a key moved": move,
    "an alias": alias,
    "deeply nested": nest,
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


def respelled(text: str, dice: random.Random) -> str:
    found = list(re.finditer(r"(?<=[:,\[-] )[^\s,{}\[\]\"'#|>][^\s,{}\[\]]*", text))
    if not found:
        return text
    value = dice.choice(found)
    return text[: value.start()] + dice.choice(SPELLINGS).format(value[0]) + text[value.end() :]


def misindented(text: str, dice: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    place = dice.randrange(len(lines))
    step = dice.choice([" ", "  ", "    ", "\t", ""])
    lines[place] = step + (lines[place] if step else lines[place].lstrip(" "))
    return "".join(lines)


def exchanged_lines(text: str, dice: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    here, there = dice.randrange(len(lines)), dice.randrange(len(lines))
    lines[here], lines[there] = lines[there], lines[here]
    return "".join(lines)


TEXTS: dict[str, Callable[[str, random.Random], str]] = {
    "text cut": cut,
    "a line doubled": doubled_line,
    "a character replaced": other_character,
    "a value spelt otherwise": respelled,
    "a line indented otherwise": misindented,
    "two lines exchanged": exchanged_lines,
}


def mutated(text: str, dice: random.Random) -> tuple[str, str]:
    """A mutated text, and what was done first."""
    kinds = [dice.choice([*CHANGES, *TEXTS]) for _ in range(dice.choice([1, 1, 1, 2, 3]))]
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


def miscounted(text: str, plan: Plan) -> list[str]:
    """Say which experiments have not the cells that the lists in a text span."""
    wrong = []
    for name, cells in spanned(text, {"seeds", "exclude", "target", *MEASUREMENTS}).items():
        made, excludes = len(plan.cells[name]), plan.study.experiments[name].exclude
        if made > cells or (made < cells and not excludes):
            wrong.append(f"{name} has {made} cells, not {cells}")
    return wrong


def outcome(read: Callable[[], list[str]]) -> str:
    """Read what was mutated: `plan`, `sentence`, or what is wrong with it."""
    started = time.process_time()
    try:
        wrong = read()
        found = f"misread: {'; '.join(wrong)}" if wrong else "plan"
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

    def study(self, file: str) -> list[str]:
        plan = Plan(load_study(file))
        assert plan.digest
        assert plan.jobs
        for kind in MEASUREMENTS:
            plan.measured(kind)
        planned_claims("all", self.claims, plan)
        text = Path(file).read_text(encoding="utf-8")
        return misread(text, plan.study) + miscounted(text, plan)

    def claim(self, file: str) -> list[str]:
        planned = planned_claims([file], Path("none"), self.default)
        (made,) = planned.values()
        return misread(Path(file).read_text(encoding="utf-8"), made.claim)

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
