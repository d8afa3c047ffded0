"""What the columns of a table mean, read from the docstring of what makes it.

Below ``Returns`` or ``Attributes`` it says of each table what a row is, and then of each column its
type, its unit if it has one, and what it means; further lines of a column are indented::

    epochs
        One row an order, batch size and epoch.
        batches (integer): Batches of the epoch.
        loss (number, nats): Mean loss over the samples.
        Also: dataset, seed.

What stands after ``Also`` means the same in other tables. Types are those of Table Schema.
"""

import inspect
import re
from typing import NamedTuple

_SECTION = re.compile(r"^(?:Returns|Attributes)\n-+\n(.*?)(?=^\w+\n-{3,}\n|\Z)", re.M | re.S)
_TABLE = re.compile(r"^(\w+)\n((?:(?: {4}.*)?\n)+)", re.M)
_COLUMN = re.compile(
    r"(\w+(?:, \w+)*) \((string|integer|number|boolean|array)(?:, ([^)]+))?\): (.+)"
)
_ALSO = re.compile(r"Also: (\w+(?:, \w+)*)\.")


class Column(NamedTuple):
    """A column; of one that is described elsewhere the name alone."""

    name: str
    type: str = ""
    unit: str = ""
    meaning: str = ""


class Table(NamedTuple):
    """A table: what a row of it is, and its columns."""

    row: str
    columns: tuple[Column, ...]


def described(maker: object) -> dict[str, Table]:
    """Give the tables, by name, that the docstring of a function or class tells of.

    Raises
    ------
    ValueError
        If a line between the columns describes none.
    """
    section = _SECTION.search(f"{inspect.getdoc(maker) or ''}\n")
    return (
        {name: _table(inspect.cleandoc(text)) for name, text in _TABLE.findall(section[1] + "\n")}
        if section
        else {}
    )


def _table(text: str) -> Table:
    row: list[str] = []
    columns: list[Column] = []
    for line in re.sub(r"\n\s+(?=\S)", " ", text).splitlines():
        if also := _ALSO.fullmatch(line):
            columns += map(Column, also[1].split(", "))
        elif found := _COLUMN.fullmatch(line):
            names, kind, unit, meaning = found.groups()
            columns += [Column(name, kind, unit or "", meaning) for name in names.split(", ")]
        elif not columns:
            row.append(line)
        elif line:
            raise ValueError(f"{line!r} describes no column; write 'name (type, unit): meaning'")
    return Table(" ".join(row).strip(), tuple(columns))
