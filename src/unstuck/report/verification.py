"""Is a finished study the same again as its reference: in every byte, or in what it says?"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from unstuck.errors import DataError
from unstuck.files import read_csv
from unstuck.report import recomputed
from unstuck.report.reference import Finished, Reference
from unstuck.study.paths import CHECKS, COMPARISONS, VALUES
from unstuck.wording import number

#: effects and ends that differ by no more than this share of the interval are equal
ROUNDING = 1e-6
#: columns of stored tables in which an empty field is an empty text
TEXTS = ("line", "part", "word", "dataset", "expect")
#: names of differing files that are shown
SHOWN = 5
#: what is never compared
BESIDE = "logs, benchmarks, the report's pages and figures as PNG"


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
        """Whether every byte is the same, or, in another setting, every word and effect."""
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
            lines.append(f"Claim {each.claim} rests on a timing; its word {said}.")
        lines.append(f"Left out: {BESIDE}, and the files of claims that read a timing.")
        return lines

    def _conclusion(self) -> str:
        compared = sum(not each.timing for each in self.claims)
        if self.identical:
            return f"Identical: {self.files} files byte by byte, and {compared} words."
        if self.passed:
            return f"The same: {compared} words, their effects within their intervals."
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
        Ids of claims whose word rests on a timing: they are reported, and decide nothing.

    Raises
    ------
    DataError
        If the reference is of another study.
    """
    if own.study != reference.study:
        raise DataError(
            "the reference is of another study: the runs, analyses or claims are not the same; "
            "write one for this study by `unstuck reference`."
        )
    names = sorted({*own.files, *reference.files})
    claims = dict.fromkeys([*reference.effects["claim"], *own.effects["claim"]])
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
            for claim in claims
        ),
    )


def _difference(claim: str, own: Reference, reference: Reference) -> str:
    """Say how a claim's word or an effect differs, or give an empty text."""
    now, then = (each.effects[each.effects["claim"] == claim] for each in (own, reference))
    if now.empty or then.empty:
        return "only the reference has it" if now.empty else "the reference does not have it"
    words = [str(each["word"].iloc[0]) for each in (now, then)]
    if words[0] != words[1]:
        return f"its word is {words[0]}, not {words[1]}"
    if list(now["part"]) != list(then["part"]):
        return "its parts are not the same"
    for (_, mine), (_, other) in zip(now.iterrows(), then.iterrows(), strict=True):
        if not (_within(mine["effect"], other) or _within(other["effect"], mine)):
            part = f" of part {mine['part']}" if mine["part"] else ""
            return (
                f"the effect{part} is {_interval(mine)}, where the reference has {_interval(other)}"
            )
    return ""


def _within(effect: float, other: "pd.Series[float]") -> bool:
    """Whether an effect lies within an interval, to rounding; an open end has no bound."""
    low, high = np.nan_to_num(other["low"], nan=-np.inf), np.nan_to_num(other["high"], nan=np.inf)
    if np.isnan(effect) or np.isnan(other["effect"]):
        return bool(np.isnan(effect) and np.isnan(other["effect"]))
    slack = ROUNDING * (high - low) if np.isfinite(high - low) else 0.0
    return bool(low - slack <= effect <= high + slack)


def _interval(row: "pd.Series[float]") -> str:
    if np.isnan(row["effect"]):
        return "not measured"
    return f"{number(row['effect'])} ({number(row['low'])} to {number(row['high'])})"


def real_differences(reference: Reference) -> list[str]:
    """Say how a real difference would look: one word, and one effect, are changed in a copy.

    Raises
    ------
    DataError
        If the comparison does not find them.
    """
    found = []
    for change in (_another_word, _another_effect):
        changed = change(reference.effects)
        if changed is None:
            continue
        planted = compare(replace(reference, effects=changed, setting={}), reference)
        if planted.passed:
            raise DataError(
                "the comparison does not find a difference that is planted in a copy of the "
                "reference; write it again by `unstuck reference`."
            )
        (different,) = planted.different
        found.append(f"claim {different.claim}: {different.difference}")
    return found


def _another_word(effects: pd.DataFrame) -> pd.DataFrame | None:
    if effects.empty:
        return None
    first = effects["claim"] == effects["claim"].iloc[0]
    other = "contradicted" if effects["word"].iloc[0] == "supported" else "supported"
    return effects.assign(word=effects["word"].mask(first, other))


def _another_effect(effects: pd.DataFrame) -> pd.DataFrame | None:
    bounded = np.flatnonzero(np.isfinite(effects["high"] - effects["low"]))
    if not bounded.size:
        return None
    changed, row = effects.copy(), effects.index[bounded[0]]
    width = max(effects.loc[row, "high"] - effects.loc[row, "low"], 1e-3)
    changed.loc[row, ["effect", "low", "high"]] += 2 * width
    return changed


def follows(finished: Finished) -> list[str]:
    """Find every word again from the values that are stored, by code of its own.

    Returns
    -------
    A sentence for every claim whose word does not follow.
    """
    complaints = []
    for claim, word in finished.effects().groupby("claim")["word"].first().items():
        found = recomputed.words(*stored(finished.claim(str(claim))))
        if found != word:
            complaints.append(
                f"Claim {claim}: its word is {word}; from its values follows {found}."
            )
    return complaints


def stored(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Read the values, comparisons and checks of a claim from its folder."""
    tables = []
    for name in (VALUES, COMPARISONS, CHECKS):
        table = read_csv(folder / name)
        texts = {name: table[name].astype("object").fillna("") for name in TEXTS if name in table}
        tables.append(table.assign(**texts))
    return tables[0], tables[1], tables[2]


def verified(finished: Finished, folder: Path) -> tuple[list[str], bool]:
    """Say what holding a finished study against the reference in a folder finds, and if it passed.

    Raises
    ------
    DataError
        If a result is missing or damaged, or there is no reference of this study.
    """
    if damaged := finished.damaged():
        raise DataError("\n".join(damaged))
    reference = Reference.load(folder)
    found = compare(Reference.of(finished), reference, finished.timings)
    planted, complaints = real_differences(reference), follows(finished)
    lines = [*found.sentences(), *complaints]
    if not complaints:
        lines.append(
            f"All {len(found.claims)} words follow from the stored values, by pandas and numpy "
            "alone (but for gates, needs and ceilings, which leave none)."
        )
    lines += [
        f"A real difference would look like this, planted in a copy: {each}." for each in planted
    ]
    return lines, found.passed and not complaints
