"""Names given by a user, matched against the known ones."""

import difflib
from collections.abc import Iterable


def one_of(name: str, known: Iterable[str], *, what: str) -> str:
    """Return ``name`` if it is known.

    Raises
    ------
    ValueError
        If it is not; the message names the nearest known one.
    """
    choices = [str(each) for each in known]
    if name in choices:
        return name
    near = difflib.get_close_matches(str(name), choices, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(choices))}"
    raise ValueError(f"{what} {name!r} is unknown; {hint}")


def stopped(message: str) -> str:
    """Give a message its full stop, unless it ends in a question."""
    return message if message.endswith("?") else f"{message}."
