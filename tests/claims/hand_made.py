"""Claims and contrasts for the verdict machine, made by hand."""

import numpy as np

from unstuck.claims.evidence import Contrast, Evidence
from unstuck.claims.registry import Claim
from unstuck.claims.verdicts import decide

SEEDS = tuple(range(10))


# mean 0, standard deviation 0.1
NOISE = np.array([-0.12, 0.12, -0.1, 0.1, -0.09, 0.09, -0.08, 0.08, -0.05, 0.05])


CONDITIONS = {"rate": {"fixed": "with a fixed rate", "tuned": "with a tuned rate"}}


def entry(claim_id="1.2.5", kind="measured", **changes):
    content = {
        "id": claim_id,
        "slug": f"claim-{claim_id.replace('.', '-')}",
        "kind": kind,
        "statement": {"en": "Something is larger.", "zh": "某量更大。"},
        "regime": "anywhere",
        "published": [
            {"who": "A", "year": 2000, "where": "table 1", "says": "so", "stance": "for"}
        ],
        "cost": "nothing",
        "did": {"en": "Compared."},
        **({"effect": {"what": "x", "unit": "points", "margin": 1}} if kind == "measured" else {}),
        **changes,
    }
    return Claim.model_validate(content)


def contrast(mean, *, dataset="digits", size=10, noise=NOISE, **options):
    options = {"name": "a against b", "condition": {}, **options}
    return Contrast(
        dataset=dataset, seeds=SEEDS[:size], values=tuple(mean + noise[:size]), **options
    )


def null(**options):
    return contrast(0.0, **{"name": "a against a", "role": "negative control", **options})


def row(claim, *contrasts, checks=(), registry=None, others=()):
    verdicts = decide(
        {claim.id: claim, **(registry or {})},
        [Evidence(claim.id, contrasts=contrasts, checks=checks), *others],
    )
    return verdicts.claims.set_index("id").loc[claim.id]
