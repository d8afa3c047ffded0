"""The JSON schema of a claim's file and the page that explains its keys, made from the model.

Run ``python -m unstuck.claims.documentation`` after changing the model; a test compares the files.
"""

import inspect
from pathlib import Path

from pydantic import BaseModel

from unstuck.claims import drawing, model, reductions
from unstuck.claims.lines import ControlLine, Line, ScopeLine
from unstuck.claims.model import claim_schema
from unstuck.files import write_json, write_text
from unstuck.study.documentation import fields, summary

SCHEMA = Path("workflow/schemas/claim.schema.json")
PAGE = Path("docs/claims.md")
EXAMPLE = Path("docs/examples/my-claims/x.1-small-batches.yaml")

_HEAD = """# A claim is a file

Made from the typed model in `src/unstuck/claims/model.py` by `make docs`; do not edit.

One file holds all that is particular to a claim: the question, what is compared, from which margin
on it matters, what is told beside, the answer. Those of the notes are in `workflow/claims/`, a
folder a section. A study brings claims of its own, in English alone if you like; the file is called
`<id>-<name>.yaml`:

```yaml
# mine.yaml
claims: [all, "my-claims/*.yaml"]
```

```yaml
# my-claims/{name}
{example}```

```console
snakemake --configfile mine.yaml results/mine/figures/x.1.svg     # its figure alone
snakemake --configfile mine.yaml results/mine/answers.md          # all answers
```

Planning holds every table, column and value that a claim compares against the study's grid, and
says in one sentence what to add. What came of a claim is in `results/claims/<id>/`: `verdict.json`,
`comparisons.csv`, `checks.csv` and `values.csv`. How a word is reached: [verdicts.md](verdicts.md).

## How a comparison is made

1. `from` names tables, `<experiment or analysis>.<table>`; several are put one below the other,
   with their owner in the column `owner`. A table of measurements takes from `<experiment>.runs`
   what it lacks, by `run_id`.
2. `where` keeps rows of both arms, `arm` and `reference` those of each: `column: value`, a list, or
   `{{at_least: …, at_most: …}}`. `smallest` and `largest` stand for the extreme of a place;
   `best` takes all values of a column, such as the rate of a walk, and chooses the one whose mean
   value is least. `reference` may be a number.
3. `value` is a column, or a reduction that makes one number a run. In `percentage points` values
   are shares, told in percent. A `ratio` is of geometric means.
4. Arms are paired by `units` (`seed`: one data split with its initial weights and order). Where the
   rate was tuned, every arm has its finalists, and the interval repeats the choice.
5. `over` averages: `dataset` is a place, whose units are its own; any other column is a condition
   on the same units. A column that varies unsaid is refused.

A scope line is written as a change of the primary (of part `of`): columns of `where` and `over` one
by one, where null takes one away, all else as a whole. A line with `holds` is an exact check; it
inherits only from a primary that is a check of the same table, and is written whole otherwise.

In an answer, {{V}} is the word, {{e}} {{lo}} {{hi}} the effect and its interval, {{arm}} and
{{ref}} the means of both; of part A {{a}} {{a_lo}} {{a_hi}}, and so on; {{s}} {{s_lo}} {{s_hi}} are
a share itself; `numbers` adds names. `{{more|less}}` goes by the sign of the effect,
`{{b:more|less}}` by that of part B, and `[B:; …]` is said only where part B was tested. {{S}} is
where the scope's sentence goes.
"""

_REDUCTIONS = """`value: {name: {argument: …}}`. An installed package brings more by the entry point
group `unstuck.reductions`, `name = "module:name"`; a function is written like those in
`src/unstuck/claims/reductions/`."""

_PARTS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("The file", model.Claim),
    ("primary, and a line of scope or controls", Line),
    ("scope.NAME besides", ScopeLine),
    ("controls.NAME besides", ControlLine),
)


def page() -> str:
    """Give the keys of a claim's file, reductions and kinds of figures as a Markdown page."""
    example = EXAMPLE.read_text(encoding="utf-8").partition("\n")[2]
    lines = [_HEAD.format(name=EXAMPLE.name, example=example).rstrip()]
    described: set[str] = {"Panel"}
    shown: set[str] = set()
    for heading, part in _PARTS:
        lines += ["", f"## {heading}", "", summary(part), ""]
        table = fields(part, described)
        lines += [line for line in table if line not in shown or not line.startswith("| `")]
        shown |= set(table)
    lines += ["", "## Reductions", "", _REDUCTIONS, ""]
    lines += ["| name | arguments | gives |", "| --- | --- | --- |"]
    for name in reductions.names():
        lines.append(f"| `{name}` | {_arguments(name)} | {_gives(name)} |")
    lines += [
        "",
        "## Kinds of figures",
        "",
        "An example of each is in [figures.md](figures.md).",
        "",
        "| kind | shows | keys of its own |",
    ]
    lines.append("| --- | --- | --- |")
    common = set(drawing.Panel.model_fields)
    for kind in drawing.KINDS:
        own = [field.alias or key for key, field in kind.model_fields.items() if key not in common]
        keys = ", ".join(f"`{key}`" for key in own if key != "kind")
        name = kind.model_fields["kind"].annotation.__args__[0]  # type: ignore[union-attr]
        lines.append(f"| `{name}` | {summary(kind)} | {keys} |")
    return "\n".join(lines) + "\n"


def _arguments(name: str) -> str:
    texts = []
    for key, parameter in reductions.arguments(name).items():
        given = parameter.default is not parameter.empty
        texts.append(f"`{key}` = {parameter.default}" if given else f"`{key}`")
    return ", ".join(texts)


def _gives(name: str) -> str:
    """The first paragraphs of its docstring, up to its sections."""
    text = inspect.getdoc(reductions.reduction(name)) or ""
    return " ".join(text.partition("\nParameters\n")[0].split()).replace("|", "\\|")


if __name__ == "__main__":
    write_json(SCHEMA, claim_schema())
    write_text(PAGE, page())
