"""The verdicts and the parts of the notes, in words."""

from dataclasses import dataclass


@dataclass(frozen=True)
class VerdictWord:
    """A verdict as it is shown: never by colour alone."""

    word: str
    mark: str
    means: str

    @property
    def css(self) -> str:
        """Class of the style sheet."""
        return "absent" if self.word == ABSENT else self.word.replace(" ", "-")


ABSENT = "not in this study"

VERDICTS = {
    verdict.word: verdict
    for verdict in (
        VerdictWord(
            "supported",
            "✓",
            "The whole interval lies beyond the margin, on the claim's side. "
            "Of an exact claim: every check holds.",
        ),
        VerdictWord(
            "contradicted",
            "✗",
            "The whole interval lies beyond the margin, on the other side. "
            "Of an exact claim: a check fails.",
        ),
        VerdictWord(
            "depends",
            "◐",
            "The conditions that the claim names give different answers; the reason says which.",
        ),
        VerdictWord(
            "no effect",
            "≈",
            "The whole interval lies inside the margin: what difference there may be is too "
            "small to matter.",
        ),
        VerdictWord(
            "inconclusive",
            "?",
            "The interval reaches across the margin, or a control cannot vouch for it. "
            "More seeds could settle it.",
        ),
        VerdictWord(
            "invalid",
            "!",
            "A control gave the wrong answer, so this experiment is no evidence either way.",
        ),
        VerdictWord(ABSENT, "–", "The study's configuration has no experiment for this claim."),
    )
}

# what the table of contrasts says of a control; a claim without negative control judges none
CONTROL_WORDS = {
    "yes": "passed",
    "no": "failed",
    "undecided": "undecided",
    "": "not judged",
}

STANCES = {"for": "For the claim", "against": "Against it"}
