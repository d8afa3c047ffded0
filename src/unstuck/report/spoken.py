"""What pages say in one language: words, and a claim's row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from unstuck.claims.answer import LANGUAGES
from unstuck.claims.lines import Comparison
from unstuck.claims.terms import Words
from unstuck.figures.words import Dictionary, told_itself
from unstuck.report.margins import multiple
from unstuck.statistics.rule import GROUPS
from unstuck.wording import number, plain_power, with_interval

if TYPE_CHECKING:
    from unstuck.report.site import Site


@dataclass(frozen=True)
class Spoken:
    """A site in one of its languages."""

    site: "Site"
    language: str

    def words(self, node: Any) -> Any:
        """Words of this language: every mapping that has one becomes a text."""
        if isinstance(node, Mapping):
            if set(node) == set(LANGUAGES):
                return node[self.language]
            return {key: self.words(value) for key, value in node.items()}
        if isinstance(node, list):
            return [self.words(each) for each in node]
        return node

    def say(self, *path: str, **numbers: Any) -> str:
        """The words at a place of the site's words, with numbers put in."""
        node: Any = self.site.words
        for key in path:
            node = node[key]
        text = str(node[self.language])
        for name, value in numbers.items():
            text = text.replace(f"{{{name}}}", str(value))
        return text

    def text(self, words: Words) -> Markup:
        """A text of a claim's or a study's file, marked where it is not in this language."""
        if self.language == "zh" and not words.zh:
            return Markup('<span lang="en">{}</span>').format(words.en)
        return escape(words.words(self.language))

    def own(self, text: str) -> Markup:
        """A text that stands in English elsewhere, in Chinese where that is known."""
        return self.text(Words(en=text, zh=self.site.chinese.get(text, ""))) if text else Markup()

    def section(self, section: str) -> str:
        """The title of a section."""
        known = self.site.words["sections"].get(section)
        return str((known or self.site.words["own"])[self.language])

    def sections(self) -> dict[str, str]:
        """The titles of all sections, by their numbers."""
        return {each["section"]: self.section(each["section"]) for each in self.site.summaries}

    def card(self, summary: Mapping[str, Any]) -> dict[str, Any]:
        """A claim as rows and heads of pages show it."""
        sentence = summary["answer"][self.language]
        colon = "：" if self.language == "zh" else ":"
        word, found, rest = sentence.partition(colon)
        if not found:
            word, rest = sentence, ""
        rows = [row for row in summary["comparisons"] if row["role"] == "primary"]
        return {
            "id": summary["claim"],
            "section": summary["section"],
            "question": summary["question"][self.language],
            "group": GROUPS[summary["word"]],
            "judged": summary["word"],
            "word": word,
            "said": f"{word}{found}",
            "rest": rest,
            "aside": self._aside(rows, rest),
        }

    def _aside(self, rows: Sequence[Mapping[str, Any]], sentence: str) -> str:
        """Effects whose intervals a sentence does not tell, and of how many units all are."""
        bracket = self.between("", "").strip()[0]
        effects = [effect for row in rows if (effect := self.effect(row))]
        if not effects:
            return ""
        new = [each for each in effects if each[each.rfind(bracket) :] not in sentence]
        units = self.say("table", "counted", n=max(row["units"] or 0 for row in rows))
        return self.say("claim", "between").join([*new, units])

    @property
    def dictionary(self) -> Dictionary:
        """The words of figures."""
        return self.site.dictionaries[self.language]

    def value(self, column: str, value: str) -> str:
        """What a value of a column is called; itself, where the dictionary has no word for it."""
        return self.dictionary.value(column, value)

    def effect(self, row: Mapping[str, Any]) -> str:
        """An effect with its interval and unit, in few digits."""
        if row["effect"] is None:
            return ""
        spec = self.spec(row)
        if spec is not None and told_itself(spec):
            return self.share(row)
        at, *ends = (float(row[key]) for key in ("effect", "low", "high"))
        told = with_interval(at, ends[0], ends[1], row["scale"])
        effect, low, high = map(plain_power, told)
        size = self.size(row).replace("{n}", effect)
        if row.get("at_least"):
            size = self.say("table", "at_least", size=size)
        return size + self.between(low, high)

    def share(self, row: Mapping[str, Any]) -> str:
        """A share that is held against a number, with its interval, as answers tell it."""
        values = (float(row[key]) + row["reference"] for key in ("effect", "low", "high"))
        share, low, high = (f"{value:.0f}" for value in values)
        return f"{share} %" + self.between(low, high)

    def spec(self, row: Mapping[str, Any]) -> Comparison | None:
        """What a claim's file says of a comparison that was judged."""
        claim = self.site.claims[row["claim"]]
        found = (
            claim.lines.get(row["line"]) if row["role"] == "scope" else claim.parts.get(row["part"])
        )
        return found if isinstance(found, Comparison) else None

    def margin(self, row: Mapping[str, Any], times: float) -> str:
        """A margin so many times as large, in words."""
        size = number(multiple(row["margin"], row["scale"], times), 2)
        told = self.size(row).replace("{n}", size)
        # of one a unit loses its plural
        return told.removesuffix("s") if size == "1" else told

    def size(self, row: Mapping[str, Any]) -> str:
        """How a size of a comparison is told: ``{n} points``, or ``×{n}`` of a factor."""
        if row["scale"] == "ratio":
            return "×{n}"
        own = self.site.words["sizes"].get(row["unit"])
        return str(own[self.language]) if own else f"{{n}} {self.dictionary.unit(row['unit'])}"

    def between(self, low: str, high: str) -> str:
        """An interval, behind its effect."""
        return self.say("table", "interval", low=low, high=high)

    def picture(self, base: str, name: str) -> str:
        """Address of a picture in this language, or in English; empty if there is none."""
        for suffix in (f"{self.language}.svg", "svg"):
            if (self.site.source.figures / f"{name}.{suffix}").exists():
                return f"{base}figures/{name}.{suffix}"
        return ""

    def figure(self, base: str, name: str, summary: Mapping[str, Any]) -> dict[str, str]:
        """The figure of a claim, with the words for who does not see it."""
        answer = summary["answer"][self.language]
        return {"src": self.picture(base, name), "alt": self.say("claim", "figure", title=answer)}
