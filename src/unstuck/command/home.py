"""Where the workflow is: above the source in a checkout, inside the package of a wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]

HOME = next(
    (place for place in (_PACKAGE / "home", _PACKAGE.parents[1]) if (place / "Snakefile").exists()),
    _PACKAGE.parents[1],
)
SNAKEFILE, CLAIMS, EXAMPLES = HOME / "Snakefile", HOME / "workflow/claims", HOME / "docs/examples"
