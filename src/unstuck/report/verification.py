"""Is a finished study the same again as its reference: in every byte, or in what it says?

``python -m unstuck.report.verification`` compares, and ends with exit code 1 where they differ.
"""

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from unstuck.errors import DataError, UnstuckError
from unstuck.report.reference import Finished, Reference, parser
from unstuck.wording import number

#: what tells a contrast from the others of all claims
KEY = ("id", "measure", "name", "dataset", "condition", "role")
#: effects and bounds that differ by no more than this share of the margin are equal
ROUNDING = 1e-6
#: columns of stored tables in which an empty field is an empty text
TEXTS = ("line", "part", "word", "dataset", "expect")
#: names of differing files that are shown
SHOWN = 5


@dataclass(frozen=True)
class Comparison:
    """One claim, held against the reference; `difference` is empty where it says the same."""

    claim: str
    difference: str
    timing: bool


@dataclass(frozen=True)
class Verification:
    """What a comparison with a reference found.

    Attributes
    ----------
    setting
        What differs of platform, package versions and code: name, then, now.
    files
        How many files were compared byte by byte.
    changed
        Paths of those that differ, or that only one of the two has.
    claims
        Every claim of either.
    """

    setting: tuple[tuple[str, str, str], ...]
    files: int
    changed: tuple[str, ...]
    claims: tuple[Comparison, ...]

    @property
    def different(self) -> tuple[Comparison, ...]:
        """Claims that do not say the same, timings aside."""
        return tuple(each for each in self.claims if each.difference and not each.timing)

    @property
    def identical(self) -> bool:
        """Whether every byte is the same."""
        return not self.changed and not self.different

    @property
    def passed(self) -> bool:
        """Whether every byte is the same, or, in another setting, every verdict and effect."""
        return self.identical or (bool(self.setting) and not self.different)

    def sentences(self) -> list[str]:
        """Say what was found, the conclusion first."""
        lines = [self._conclusion()]
        if self.setting:
            changes = (f"{name} {before} → {now}" for name, before, now in self.setting)
            lines.append(f"The setting is not that of the reference: {', '.join(changes)}.")
        if self.changed:
            more = len(self.changed) - SHOWN
            names = ", ".join(self.changed[:SHOWN]) + (f" and {more} more" if more > 0 else "")
            lines.append(f"{len(self.changed)} of {self.files} files differ: {names}.")
        lines += [f"Claim {each.claim}: {each.difference}." for each in self.different]
        timed = [each for each in self.claims if each.timing]
        for each in timed:
            said = f"differs, as timings may: {each.difference}" if each.difference else "is kept"
            lines.append(f"Claim {each.claim} rests on a timing; its verdict {said}.")
        return lines

    def _conclusion(self) -> str:
        compared = sum(not each.timing for each in self.claims)
        if self.identical:
            return f"Identical: {self.files} files byte by byte, and {compared} verdicts."
        if self.passed:
            return f"The same: {compared} verdicts, their effects within their intervals."
        if self.different:
            return f"Different: {len(self.different)} of {compared} claims do not say the same."
        return (
            "Different: the setting is that of the reference, so every byte should be the same, "
            f"but {len(self.changed)} files differ."
        )


def compare(
    own: Reference, reference: Reference, timings: Collection[str] = frozenset()
) -> Verification:
    """Compare a finished study with a reference.

    Parameters
    ----------
    own
        The study, in the form of a reference.
    reference
        What it is held against.
    timings
        Ids of claims that rest on a timing: they are reported, and decide nothing.

    Raises
    ------
    DataError
        If the reference is of another study.
    """
    if own.study != reference.study:
        raise DataError(
            "the reference is of another study: the runs, analyses or claims are not the same; "
            "write one for this study by `make reference`."
        )
    names = sorted({*own.files, *reference.files})
    claims = {claim for each in (own, reference) for claim in each.verdicts["id"]}
    return Verification(
        setting=tuple(
            (name, reference.setting.get(name, "none"), own.setting.get(name, "none"))
            for name in sorted({*own.setting, *reference.setting})
            if own.setting.get(name) != reference.setting.get(name)
        ),
        files=len(names),
        changed=tuple(n for n in names if own.files.get(n) != reference.files.get(n)),
        claims=tuple(
            Comparison(claim, _difference(claim, own, reference), claim in timings)
            for claim in sorted(claims, key=_order)
        ),
    )


def _order(claim: str) -> tuple[int, ...]:
    return tuple(int(part) for part in claim.split("."))


def _difference(claim: str, own: Reference, reference: Reference) -> str:
    """Say how a claim's verdict or effect differs, or give an empty text."""
    now, then = (_row(each.verdicts, {"id": claim}) for each in (own, reference))
    if now is None or then is None:
        return "only the reference has it" if now is None else "the reference does not have it"
    if now["verdict"] != then["verdict"]:
        return f"its verdict is {now['verdict']}, not {then['verdict']}"
    headline = _headline(then, reference.contrasts)
    if headline is None:
        return ""
    same = _row(own.contrasts, {key: headline[key] for key in KEY})
    if same is None:
        return f"its comparison {headline['name']!r} on {headline['dataset']} is missing"
    if _within(same["effect"], headline) or _within(headline["effect"], same):
        return ""
    return (
        f"the effect of {headline['name']!r} on {headline['dataset']} is "
        f"{_interval(same)}, where the reference has {_interval(headline)}"
    )


def _headline(verdict: Mapping[str, Any], contrasts: pd.DataFrame) -> dict[str, Any] | None:
    """Find the contrast that stands on a claim's row; an exact claim has none."""
    shared = ("id", "dataset", "condition", "effect", "ci_low", "ci_high", "seeds")
    if pd.isna(verdict["effect"]):
        return None
    return _row(contrasts, {"role": "effect"} | {key: verdict[key] for key in shared})


def _row(table: pd.DataFrame, wanted: Mapping[str, Any]) -> dict[str, Any] | None:
    kept = table
    for key, value in wanted.items():
        kept = kept[kept[key] == value]
    return {str(key): value for key, value in kept.iloc[0].items()} if len(kept) else None


def _within(effect: float, other: Mapping[str, Any]) -> bool:
    """Whether an effect lies within an interval, to rounding."""
    slack = ROUNDING * other["margin"]
    return bool(other["ci_low"] - slack <= effect <= other["ci_high"] + slack)


def _interval(row: Mapping[str, Any]) -> str:
    low, high = number(row["ci_low"]), number(row["ci_high"])
    return f"{number(row['effect'])} ({low} to {high})"


def stored(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Read the values, comparisons and checks of a claim from its folder."""
    tables = []
    for name in ("values", "comparisons", "checks"):
        table = pd.read_csv(folder / f"{name}.csv")
        texts = {name: table[name].astype("object").fillna("") for name in TEXTS if name in table}
        tables.append(table.assign(**texts))
    return tables[0], tables[1], tables[2]


def main(arguments: Sequence[str]) -> int:
    """Compare the results of a study with its reference and say what is found."""
    options = parser(__doc__ or "").parse_args(arguments)
    try:
        reference = Reference.load(options.reference)
        finished = Finished.of(options.configfile)
        found = compare(Reference.of(finished), reference, finished.timings)
    except (UnstuckError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print("\n".join(found.sentences()))
    return 0 if found.passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
