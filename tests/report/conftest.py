"""A small study whose verdicts are decided by the real rule, laid out in folders."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from unstuck.claims.evidence import Check, Contrast, Evidence, Source
from unstuck.claims.registry import Claim, Registry
from unstuck.claims.sections import SECTIONS
from unstuck.claims.storage import save_evidence
from unstuck.claims.verdicts import Verdicts, decide
from unstuck.figures import style
from unstuck.figures.forest import draw_forests
from unstuck.report.render import Sources, render
from unstuck.study.config import Study
from unstuck.study.load import parse_study

TEMPLATES = Path(__file__).parents[2] / "workflow" / "report"
SEEDS = tuple(range(10))

CONFIG: dict[str, Any] = {
    "title": "A small study",
    "results": "results",
    "description": "Two datasets & one network.",
    "datasets": {
        "digits": {"source": "digits", "train": 256, "validation": 64, "test": 64},
        "mnist1d": {"source": "mnist1d", "train": 256, "validation": 64, "test": 64},
    },
    "networks": {"small": {"hidden": [18, 16], "activation": "tanh"}},
    "tuning": {"rates": {"default": {"low": 0.01, "high": 1.0, "per_decade": 2}}},
    "experiments": {
        "grid": {
            "description": "Batch size and optimizer, each with each.",
            "dataset": ["digits", "mnist1d"],
            "network": "small",
            "batch_size": [8, 32, "full"],
            "optimizer": ["sgd", "adam"],
            "epochs": 20,
            "seeds": 10,
        }
    },
}


def entry(claim_id: str, kind: str, **changes: Any) -> Claim:
    """A claim of the registry."""
    content = {
        "id": claim_id,
        "slug": f"claim-{claim_id.replace('.', '-')}",
        "kind": kind,
        "statement": {
            "en": f"Small batches end with a better training and validation accuracy ({claim_id}).",
            "zh": "小批量训练最终得到更好的训练和验证准确率。",
        },
        "regime": "Networks that the budget does not train to the end.",
        "published": [
            {
                "who": "Keskar et al.",
                "year": 2017,
                "where": "table 2",
                "says": "Small batches test 0.2 to 5 points better.",
                "stance": "for",
            },
            {
                "who": "Shallue et al.",
                "year": 2019,
                "where": "section 5",
                "says": "No evidence that larger batches degrade out-of-sample performance.",
                "stance": "against",
            },
        ],
        "cost": "About a minute.",
        "did": {"en": "Networks were trained with batches of 8 up to the full training part."},
    }
    return Claim.model_validate(content | changes)


def contrast(mean: float, **options: Any) -> Contrast:
    """An effect with a spread of 0.3 over ten seeds."""
    noise = np.random.default_rng([len(str(options)), 1]).normal(0, 0.3, len(SEEDS))
    values = tuple(mean + noise - noise.mean())
    return Contrast(**{"name": "batch 8 against full", "seeds": SEEDS, "values": values} | options)


def make_registry() -> Registry:
    points = {"what": "validation accuracy, batch 8 minus full", "unit": "points", "margin": 1}
    conditions = {
        "rate": {"fixed": "with a fixed rate", "tuned": "with a tuned rate"},
        "budget": {"epochs": "at equal epochs", "updates": "at equal updates"},
    }
    claims = (
        entry("1.1.3", "exact"),
        entry("1.1.6", "measured", effect=points),
        entry(
            "1.2.5",
            "measured",
            effect=points,
            conditions=conditions,
            reads={"runs": "grid.runs"},
        ),
        entry(
            "2.1.10",
            "measured",
            effect={"what": "largest stable rate", "unit": "ratio", "margin": 2, "scale": "ratio"},
        ),
        entry("3.1.3", "exact"),
    )
    return {claim.id: claim for claim in claims}


def make_evidence() -> tuple[Evidence, ...]:
    table = pd.DataFrame({"batch": ["8", "full"], "accuracy": [0.9, 0.8]})
    effects = [
        contrast(mean + shift, dataset=dataset, condition={"rate": rate, "budget": budget})
        for dataset, shift in (("digits", 0.0), ("mnist1d", 0.4))
        for rate, budget, mean in (
            ("fixed", "epochs", 7.5),
            ("tuned", "epochs", 2.1),
            ("fixed", "updates", -2.4),
            ("tuned", "updates", 0.1),
        )
    ]
    edge = contrast(
        3.0,
        name="batch 32 against full",
        dataset="digits",
        condition={"rate": "tuned", "budget": "epochs"},
        usable=False,
        note="The best rate lies on the edge of the grid.",
    )
    checks = (
        Check("smaller eigenvalue at the origin", -2.0 + 1e-15, -2.0, 1e-12),
        Check("larger eigenvalue at the origin", 2.0, 2.0, 1e-12),
        Check("a point that is not critical", 0.7, 0.7, 1e-12, role="positive control"),
    )
    same = {"name": "other seeds", "condition": {}, "role": "negative control"}
    negative = contrast(0.0, dataset="digits", **same)
    return (
        Evidence("1.1.3", checks=checks, tables={"points": table}),
        Evidence(
            "1.1.6",
            contrasts=(contrast(1.0, dataset="digits", condition={}), negative),
            tables={"points": table},
        ),
        Evidence(
            "1.2.5",
            contrasts=(*effects, negative, contrast(0.0, dataset="mnist1d", **same), edge),
            tables={"accuracy": table},
            numbers={"runs": 960, "best_batch": "8"},
            sources=(Source("runs", "grid.runs", 960, "a" * 64),),
        ),
        Evidence(
            "2.1.10",
            contrasts=(
                contrast(1.5, name="with against without", dataset="digits", condition={}),
                negative,
            ),
            tables={"rates": table},
        ),
    )


CARD = {
    "title": "Optical recognition of handwritten digits",
    "citation": "Alpaydin & Kaynak (1998)",
    "url": "https://archive.ics.uci.edu/dataset/80",
    "licence": "CC BY 4.0",
    "classes": 10,
    "shape": [64],
    "samples": {"train": 256, "validation": 64, "test": 64},
    "splits": "each",
    "units": [{"unit": 0, "sha256": "0" * 64}],
    "standardise": "feature",
    "pca": None,
    "transforms": [],
    "digest": "0123456789abcdef",
}


@dataclass(frozen=True)
class Laid:
    """A study on disk, ready to be rendered."""

    study: Study
    registry: Registry
    verdicts: Verdicts
    sources: Sources
    out: Path

    def render(self, **changes: Any) -> Path:
        """Render the report and give its folder."""
        given: dict[str, Any] = {
            "study": self.study,
            "registry": self.registry,
            "verdicts": self.verdicts.claims,
            "contrasts": self.verdicts.contrasts,
            "sources": self.sources,
            "out": self.out,
            "cards": {"digits": CARD, "mnist1d": CARD},
        }
        given |= changes
        render(**given)
        return Path(given["out"])


def lay(folder: Path, registry: Registry, evidence: tuple[Evidence, ...]) -> Laid:
    """Put evidence, figures and forests where the report looks for them."""
    sources = Sources(folder / "evidence", folder / "figures", folder / "forests", TEMPLATES)
    verdicts = decide({each.claim: registry[each.claim] for each in evidence}, evidence)
    for each in evidence:
        save_evidence(each, sources.evidence / each.claim)
        with style.styled():
            figure, axes = style.canvas()
            axes[0, 0].plot([0, 1], [0, 1])
            style.headline(figure, f"What claim {each.claim} found", "Line: a line.")
            style.save(
                figure,
                sources.figures / f"{each.claim}.svg",
                sources.figures / f"{each.claim}.png",
            )
    for section in SECTIONS:
        draw_forests(registry, verdicts.contrasts, section, sources.forests / section)
    return Laid(parse_study(CONFIG), registry, verdicts, sources, folder / "report")


@pytest.fixture(scope="session")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Laid:
    """The small study, rendered once."""
    done = lay(tmp_path_factory.mktemp("study"), make_registry(), make_evidence())
    done.render()
    return done


@pytest.fixture
def make_claim() -> Callable[..., Claim]:
    """A function that makes an entry of the registry."""
    return entry


@pytest.fixture
def lay_out() -> Callable[..., Laid]:
    """A function that puts a study on disk."""
    return lay
