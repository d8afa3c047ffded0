"""The checked study with its plan, the registry of claims, and the paths: used by all stages."""

from pathlib import Path

from snakemake.exceptions import WorkflowError

from unstuck.claims.evaluation import SECTIONS
from unstuck.claims.registry import load_registry
from unstuck.errors import UnstuckError
from unstuck.report.words import SECTIONS as SECTION_TITLES
from unstuck.study.digests import code_digest, digest
from unstuck.study.environment import prepare_environment
from unstuck.study.load import parse_study
from unstuck.study.paths import Paths
from unstuck.study.plan import CURVATURE_ROOMS, TRAINING_ROOMS, Plan

prepare_environment(Path(workflow.basedir) / "src")

REGISTRY = "workflow/claims"
registry_files = sorted(Path(REGISTRY).glob("*.yaml"))

try:
    study = parse_study(config, source=", ".join(map(str, workflow.configfiles)) or "config")
    plan = Plan(study)
    registry = load_registry(REGISTRY)
    claims = plan.claims({claim.id: claim.reads.values() for claim in registry.values()})
except UnstuckError as error:
    raise WorkflowError(str(error)) from None

paths = Paths(study.results)
# what every claim's evidence depends on, besides the modules of its section
EVIDENCE_CODE = [
    *(f"claims/{name}.py" for name in ("arms", "evidence", "factorial", "storage")),
    *("surfaces", "statistics", "population", "optim", "curvature"),
]
VERDICT_CODE = [
    *(f"claims/{name}.py" for name in ("combination", "conformity", "controls", "evidence")),
    *("claims/verdicts.py", "statistics"),
]
section_targets = {f"section_{number.replace('.', '_')}": number for number in SECTIONS}


wildcard_constraints:
    dataset="[a-z][a-z0-9_]*",
    experiment="[a-z][a-z0-9_]*",
    analysis="[a-z][a-z0-9_]*",
    job="[a-z0-9_.-]+",
    claim=r"\d\.\d\.\d+",
    section=r"\d\.\d",


def table_path(name):
    """Path of a table that a claim or an analysis reads, such as grid.runs."""
    owner, kind = name.split(".")
    if owner in study.analyses:
        return f"{paths.analysis.format(analysis=owner)}"
    return paths.table().format(experiment=owner, kind=kind)


def claim_tables(wildcards):
    """Inputs of a claim's evidence, a table each, by argument name."""
    return {
        argument: table_path(name) for argument, name in registry[wildcards.claim].reads.items()
    }


def analysis_inputs(wildcards):
    """Inputs of an analysis, datasets with their cards and tables."""
    analysis = study.analyses[wildcards.analysis]
    names = analysis.dataset_names
    return {
        "tensors": [paths.dataset.format(dataset=name) for name in names],
        "cards": [paths.card.format(dataset=name) for name in names],
        "tables": [table_path(name) for name in analysis.reads],
    }


def section_code(room, claim, *others):
    """Digest of the code that a claim's evidence or figure depends on."""
    return code_digest(f"{room}/{SECTIONS[registry[claim].section]}*.py", *others)


def section_title(claim):
    """Category of a claim in Snakemake's own report."""
    number = registry[claim].section
    return f"{number} {SECTION_TITLES[number]}"
