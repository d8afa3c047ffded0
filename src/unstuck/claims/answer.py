"""From a verdict to a sentence that a student can repeat, in English and Chinese."""

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from unstuck.claims.lines import Comparison
from unstuck.claims.model import CHOICE, CLAUSE, PLACEHOLDER
from unstuck.claims.terms import Words
from unstuck.claims.verdict import Judged, Verdict
from unstuck.statistics.rule import ROLES, SAID, Kind, Word, said
from unstuck.statistics.undecided import units_to_decide
from unstuck.wording import decimals
from unstuck.wording import effect as effect_text
from unstuck.wording import number as number_text
from unstuck.yaml_files import read_yaml

Places = Mapping[str, Words]

LANGUAGES = ("en", "zh")
#: of the headline of a scope
MOST_WORDS = 25
#: words whose answer is the claim's own template
_TEMPLATED = frozenset(
    {Word.SUPPORTED, Word.SMALL, Word.DIRECTION, Word.CONTRADICTED, Word.WRONG_DIRECTION}
)
_COMMON = {
    "en": {
        Word.UNDECIDED: "Not settled: {measure} differs by {e} ({lo} to {hi}); about {n} units "
        "would decide.",
        Word.NO_EFFECT: "No difference beyond {margin}: {e} ({lo} to {hi}).",
        Word.NOT_TESTED: "Not tested here: {reason}.",
        Word.INVALID: "No answer: the control “{which}” failed.",
        Word.PARTLY: "Partly ({which}): ",
    },
    "zh": {
        Word.UNDECIDED: "尚未确定：{measure}相差 {e}（{lo}～{hi}）；约需 {n} 个单元才能判定。",
        Word.NO_EFFECT: "没有超过 {margin}的差别：{e}（{lo}～{hi}）。",
        Word.NOT_TESTED: "此处未测：{reason}。",
        Word.INVALID: "无结论：对照“{which}”未通过。",
        Word.PARTLY: "部分成立（{which}）：",
    },
}
_TOLD = {
    "en": {
        "reversal": "But not {where}: there it reverses ({e}{unit}).",
        "vanishing": "But not {where}: there it hardly matters.",
        "appearing": "{Where} there is a difference ({e}{unit}).",
    },
    "zh": {
        "reversal": "但{where}则相反（{e}{unit}）。",
        "vanishing": "但{where}则无关紧要。",
        "appearing": "{where}则有差别（{e}{unit}）。",
    },
}


@dataclass(frozen=True)
class Answer:
    """The answer of one claim in one language: a sentence, and what the scope adds."""

    sentence: str
    headline: str

    @property
    def text(self) -> str:
        """Both, one after the other."""
        gap = "" if self.sentence.endswith("。") else " "
        return f"{self.sentence}{gap}{self.headline}".strip()


@dataclass(frozen=True)
class Filling:
    """What a claim's sentences are filled with, in one language.

    Attributes
    ----------
    texts
        Every number and word that a sentence may name.
    turned
        Of every effect below zero, by its name, the texts that stand beside a word for its sign.
    tested
        Names of the parts that were tested.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    turned: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    tested: Collection[str] = ()

    def fill(self, template: str) -> str:
        """Fill a sentence: ``{e}``, ``{higher|lower}`` by its sign, ``[B: of part B]``."""
        given = dict(self.texts)

        def chosen(found: "re.Match[str]") -> str:
            of = found["of"] or "e"
            given.update(self.turned.get(of, {}))
            return found["less" if of in self.turned else "more"]

        text = CLAUSE.sub(lambda each: each["text"] if each["of"] in self.tested else "", template)
        return " ".join(_named(CHOICE.sub(chosen, text), given).split())


def place_words(path: str | Path) -> dict[str, Words]:
    """Read what data sets are called from the dictionary of words.

    Raises
    ------
    ConfigError
        If the file cannot be read.
    """
    names = read_yaml(path).get("values", {}).get("dataset", {})
    return {name: Words(en=each["en"], zh=each.get("zh", "")) for name, each in names.items()}


def answer(verdict: Verdict, language: str, places: Places | None = None) -> Answer:
    """Put a verdict into words.

    Parameters
    ----------
    verdict
        Of one claim.
    language
        ``en`` or ``zh``; a claim whose answer has no Chinese is answered in English.
    places
        What data sets are called; by their names if left out.
    """
    if not verdict.claim.answer.zh:
        language = "en"
    headline = _headline(verdict, language, places or {})
    found = filling(verdict, language)
    word = verdict.word
    sentence = "" if word in _TEMPLATED else _named(_COMMON[language][word], found.texts)
    if word in _TEMPLATED or word is Word.PARTLY:
        own = found.fill(verdict.claim.answer.words(language))
        sentence += _after_word(own) if sentence else own
    return Answer(sentence, headline)


def _named(template: str, texts: Mapping[str, str]) -> str:
    text = PLACEHOLDER.sub(lambda found: texts.get(found["name"], "–"), template)
    # between Chinese letters stands no blank
    return re.sub("[ ](?=至[少多])", "", text)


def _after_word(sentence: str) -> str:
    """What follows the word of a sentence, whose word is said already."""
    for mark in (": ", "："):
        head, found, tail = sentence.partition(mark)
        if found and len(head) <= 40:
            return tail
    return sentence


def filling(verdict: Verdict, language: str) -> Filling:
    """Give what the sentences of a verdict are filled with."""
    parts = {"e": _lead(verdict)} | {each.name.lower(): each for each in verdict.parts if each.name}
    turned = {
        name: _told(part, name, language, turned=True)
        for name, part in parts.items()
        if part.estimate and part.estimate.effect < 0
    }
    tested = [part.name for part in verdict.parts if part.estimate or part.checked]
    return Filling(_texts(verdict, language), turned, tested)


def _texts(verdict: Verdict, language: str) -> dict[str, str]:
    claim = verdict.claim
    lead = _lead(verdict)
    kind: Kind | str = "exact" if claim.kind == "exact" else "effect"
    if isinstance(lead.spec, Comparison):
        kind = lead.spec.claims
    spoken = said(verdict.word, kind)  # type: ignore[arg-type]
    found = {"V": spoken.answer if language == "en" else spoken.answer_zh, "S": ""}
    found |= _told(lead, "e", language)
    for part in verdict.parts:
        if part.name:
            found |= _told(part, part.name.lower(), language)
    found["reason"] = lead.reason.words(language) if lead.reason else ""
    found["which"] = _which(verdict, language)
    if isinstance(lead.spec, Comparison):
        spec = lead.spec
        found["measure"] = spec.measured.words(language)
        unit = _unit(spec, language, one=spec.margin == 1)
        found["margin"] = f"{number_text(_whole(spec.margin))}{unit}"
        if verdict.word in (Word.UNDECIDED, Word.NO_EFFECT):
            found["e"] = f"{found['e']}{_unit(spec, language)}"
        found["n"] = _needed(lead)
    return found | {name: number_text(_whole(value)) for name, value in verdict.numbers.items()}


def _lead(verdict: Verdict) -> Judged:
    """The part that the sentence speaks of: the one whose word is the claim's, or the first."""
    same = [part for part in verdict.parts if part.word is verdict.word]
    if verdict.word in _TEMPLATED or not same:
        return verdict.parts[0]
    return same[0]


def _which(verdict: Verdict, language: str) -> str:
    if verdict.word is Word.PARTLY and len(verdict.parts) > 1:
        named = [
            f"{part.name} {SAID[part.word].zh if language == 'zh' else part.word}"
            for part in verdict.parts
            if part.word is not None
        ]
        return ("；" if language == "zh" else "; ").join(named)
    which = [name for part in verdict.parts for name in part.which]
    return ("、" if language == "zh" else ", ").join(which)


def _told(judged: Judged, name: str, language: str, *, turned: bool = False) -> dict[str, str]:
    """Texts of an effect and its interval, under a name: {e} {lo} {hi}, {a} {a_lo} {a_hi}."""
    prefix = "" if name == "e" else f"{name}_"
    if judged.checked is not None:
        return {name: number_text(_whole(judged.checked.value)), f"{name}_n": str(judged.checked.n)}
    if judged.estimate is None or not isinstance(judged.spec, Comparison):
        return dict.fromkeys((name, f"{prefix}lo", f"{prefix}hi"), "–")
    estimate, spec = judged.estimate, judged.spec
    effect, low, high = estimate.effect, estimate.low, estimate.high
    if turned:
        effect, low, high = -effect, -high, -low
    places = decimals(low, high, spec.scale)
    found = {name: effect, f"{prefix}lo": low, f"{prefix}hi": high}
    shares = {}
    if judged.compared is not None:
        found[f"{prefix}arm"], found[f"{prefix}ref"] = judged.compared.means()
        if spec.statistic == "share":
            ends = (estimate.effect, estimate.low, estimate.high)
            shares = dict(zip((f"{prefix}s", f"{prefix}s_lo", f"{prefix}s_hi"), ends, strict=True))
            shares = {key: value + judged.compared.constant for key, value in shares.items()}
    texts = {key: effect_text(value, spec.scale, places) for key, value in found.items()}
    texts |= {key: effect_text(value, "difference", 0) for key, value in shares.items()}
    texts = {key: _plain(text, language) for key, text in texts.items()}
    if judged.compared is not None and judged.compared.at_least:
        bounds = ("至少", "至多") if language == "zh" else ("at least", "at most")
        texts[name] = f"{bounds[turned]} {texts[name]}"
    return texts


def _plain(text: str, language: str) -> str:
    """A number as a sentence has it: a factor without its sign, and `<` in words."""
    less = "不到 " if language == "zh" else "less than "
    return text.removeprefix("×").replace("<", less)


def _unit(spec: Comparison, language: str, *, one: bool = False) -> str:
    if spec.scale == "ratio":
        return " times" if language == "en" else " 倍"
    if spec.percent:
        english = " point" if one else " points"
        return english if language == "en" else " 个百分点"
    return f" {spec.unit}"


def _needed(judged: Judged) -> str:
    """About how many units would decide."""
    if judged.estimate is None or not isinstance(judged.spec, Comparison):
        return "–"
    units = units_to_decide(judged.estimate, judged.spec.threshold, judged.spec.claims)
    return "–" if units is None else f"{max(units, judged.estimate.n + 1):,}"


def _whole(value: float) -> float | int:
    return int(value) if math.isfinite(value) and value == int(value) else value


def _headline(verdict: Verdict, language: str, places: Places) -> str:
    """What the scope adds: reversals, sentences of lines, other outcomes, what was left out.

    As many as find room, by their words in English, so that both languages say the same.
    """
    told = (_told_by_scope(verdict, each, places) for each in ("en", language))
    kept: list[str] = []
    room = MOST_WORDS
    for english, text in zip(*told, strict=True):
        words = len(english.split())
        if words <= room:
            kept.append(text)
            room -= words
    return ("" if language == "zh" else " ").join(kept)


def _told_by_scope(verdict: Verdict, language: str, places: Places) -> list[str]:
    """What the scope says, reversals first: nothing takes the room of one."""
    texts: list[str] = []
    lines = {line.name: line for line in verdict.scope}
    for name, line in verdict.claim.scope.items():
        found = lines.get(name)
        if line.headline is None or found is None or not (found.estimate or found.checked):
            continue
        if line.headline.when is None or found.outcome in line.headline.when:
            template = (line.headline.zh if language == "zh" else "") or line.headline.en
            texts.append(_named(template, _told(found, "e", language)))
    told: dict[str, list[str]] = {role: [] for role in ROLES}
    for role, judged in verdict.told:
        where = _where(verdict, judged, language, places)
        if role == "vanishing":
            told[role].append(where)
            continue
        told[role].append(
            _TOLD[language][role].format(
                where=where,
                Where=where[:1].upper() + where[1:],
                e=_told(judged, "e", language)["e"],
                unit=_unit(judged.spec, language) if isinstance(judged.spec, Comparison) else "",
            )
        )
    texts = [*told["reversal"], *texts, *told["appearing"]]
    if told["vanishing"]:
        # two share a sentence
        where = ("、" if language == "zh" else " nor ").join(told["vanishing"])
        texts.append(_TOLD[language]["vanishing"].format(where=where))
    return texts + _left_out(verdict, language, places)


def _left_out(verdict: Verdict, language: str, places: Places) -> list[str]:
    """Name the data sets that left the primary, and its parts that were not tested."""
    out: dict[str, str] = {}
    for part in verdict.parts:
        out |= {
            _called(place, language, places): why.words(language)
            for place, why in part.left_out.items()
            if place
        }
    shut = {
        part.name: part.reason.words(language)
        for part in verdict.parts
        if part.word is Word.NOT_TESTED and part.reason is not None
    }
    if verdict.word is Word.NOT_TESTED:
        return []
    if language == "zh":
        texts = [f"未计入 {place}：{why}。" for place, why in out.items()]
        return texts + [f"{name} 部分未测：{why}。" for name, why in shut.items()]
    texts = [f"Left out: {place}, {why}." for place, why in out.items()]
    return texts + [f"Part {name} is not tested: {why}." for name, why in shut.items()]


def _where(verdict: Verdict, judged: Judged, language: str, places: Places) -> str:
    line = verdict.claim.scope.get(judged.name)
    if line is not None and line.words is not None:
        return line.words.words(language)
    if judged.role == "dataset" and judged.compared is not None:
        place = _called(judged.compared.places[0], language, places)
        return f"在 {place} 上" if language == "zh" else f"on {place}"
    return judged.name.partition(": ")[2] or judged.name


def _called(place: str, language: str, places: Places) -> str:
    return places[place].words(language) if place in places else place
