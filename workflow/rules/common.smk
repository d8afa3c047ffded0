"""The checked study with its plan, the registry of claims, and the paths: used by all stages."""

import atexit
import json
import os
import re
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.utils import update_config

# of this file, not of the working directory, nor of a workflow that takes this one as a module
HOME = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parents[1]
sys.path.insert(0, str(HOME / "src"))
try:
    import unstuck.study.load
except ModuleNotFoundError as error:
    raise WorkflowError(
        f"Snakemake's Python lacks {error.name}; run {sys.executable} -m pip install "
        f"{shlex.quote(str(HOME))}"
    ) from None

if any(map(str.isspace, sys.executable)):
    raise WorkflowError(
        f"Snakemake starts no script by {sys.executable}, whose path holds a space; make the "
        "environment in a folder without one."
    )

if {*str(HOME)} & {*"{}"}:
    raise WorkflowError(
        f"Snakemake takes what stands in braces in {HOME} for a wildcard; move the workflow to a "
        "folder without braces."
    )

from unstuck.claims.answer import place_words
from unstuck.claims.planning import planned_claims
from unstuck.claims.reductions import brought_code
from unstuck.command.progress import watch
from unstuck.errors import ConfigError, KernelError, UnstuckError, found_in
from unstuck.lanes.library import load as load_kernel
from unstuck.study.digests import SETTLED_OF_ROWS, digest, reached_digest
from unstuck.environment import prepare_environment
from unstuck.study.folder import made_by_other_code, require_own, settle, take
from unstuck.study.load import parse_study
from unstuck.study.measurements.registry import MEASUREMENTS, module_of
from unstuck.study.paths import Paths
from unstuck.study.plan import Plan
from unstuck.yaml_files import from_words, read_yaml

prepare_environment(HOME / "src")

SCRIPTS = HOME / "scripts"
PAGES = HOME / "workflow/report/site"
WORDS = HOME / "workflow/report/words.yaml"

# how a reader names the files of this study, and asks for a target of it and no other
study_files = [os.path.relpath(file) for file in workflow.configfiles]
source = ", ".join(study_files) or "config"
given = workflow.config_settings.config

try:
    # a module that is given its configuration has no files of its own
    if not workflow.modifier.skip_configfile:
        # once more and by our rules: Snakemake's reader takes a key twice, and words for numbers
        written = {}
        for file in workflow.configfiles:
            update_config(written, read_yaml(file))
        update_config(written, from_words(given))
        config.clear()
        config.update(written)
    # code runs by the caller's word alone, never by that of a file
    granted = given.get("code", "")
    if config.get("code", granted) != granted:
        raise ConfigError(
            f"{source}: code: only the command line can allow code; leave it out there, and add "
            "to the command: --config code=FILE."
        )
    if granted:
        config["code"] = granted
    study = parse_study(config, source)
    require_own(study.results, study.title, source)
    settle(study.results)
    with found_in(source):
        plan = Plan(study)
        judged = planned_claims(study.claims, HOME / "workflow/claims", plan)
        # not again in what Snakemake starts for a job
        if workflow.is_main_process:
            plan.try_modules()
except UnstuckError as error:
    raise WorkflowError(str(error)) from None


def say_what_is_trained():
    """Say at the end of a dry run, for which Snakemake has no hook, what it is about."""
    if not workflow.dryrun or workflow.dag is None or workflow.output_settings.quiet:
        return
    needed = workflow.dag.needrun_jobs(exclude_finished=False)
    jobs = [job.wildcards.job for job in needed if job.rule.name == "train"]
    if jobs:
        runs, updates = plan.training(jobs)
        said = (
            f"Up to {runs:,} runs would be trained, {updates:,} updates in all, in {len(jobs):,} "
            "jobs that keep what is finished."
        )
        # the command reads one file, and no other words
        if len(study_files) == 1 and {*given} <= {"code"}:
            code = ["--code", study.code] if study.code else []
            command = shlex.join(["unstuck", "plan", *study_files, *code])
            said = f"{said} How long it takes: {command}"
        print(said, file=sys.stderr)


if workflow.is_main_process:
    atexit.register(say_what_is_trained)

paths = Paths(study.results)
# what data sets are called in answers
places = place_words(WORDS)
configfile_option = (
    ""
    if source == os.path.relpath(HOME / "config.yaml")
    else f" --configfile {shlex.join(study_files)}"
)
if given:
    words = {
        key: each if isinstance(each, str) else json.dumps(each) for key, each in given.items()
    }
    words = shlex.join(f"{key}={each}" for key, each in words.items())
    configfile_option = f"{configfile_option} --config {words}"
# of every claim; the SVG, which there always is, first
pictures = [
    paths.figure(suffix) for suffix in sorted(study.report.figures.formats, key="svg".__ne__)
]
# the report's pages in Chinese
chinese_picture = paths.figure("zh.svg")
# of every experiment
experiment_pictures = [paths.experiment("svg"), paths.experiment("zh.svg")]
# one section of the notes, such as section_1_2
section_targets = {
    f"section_{section.replace('.', '_')}": section
    for section in sorted({planned.claim.section for planned in judged.values()})
}


def one_of(names):
    """Pattern of a wildcard that takes these names only."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    dataset=one_of(study.datasets),
    experiment=one_of(study.experiments),
    job=one_of(plan.jobs),
    claim=one_of(judged),


def table_path(name, suffix="parquet"):
    """Path of a table that a claim or an analysis reads, such as grid.runs."""
    owner, kind = name.split(".")
    if owner in study.analyses:
        return paths.analysed(suffix).format(analysis=owner, table=kind)
    return paths.table(suffix).format(experiment=owner, kind=kind)


def parts_of(experiment, kind, pattern):
    """The files that a table of an experiment is collected from, one a job."""
    return [pattern.format(job=job) for job in plan.jobs_of(experiment, kind)]


def claim_table_names(wildcards):
    """Names of the tables that a claim is judged by or its figure draws, in their order."""
    planned = judged[wildcards.claim]
    return sorted({*planned.tables, *planned.pictured})


def claim_tables(wildcards):
    """Paths of those tables."""
    return [table_path(name) for name in claim_table_names(wildcards)]


def experiment_tables(wildcards):
    """Tables that an experiment's figure draws; the first are its runs."""
    names = [f"{wildcards.experiment}.{kind}" for kind in ("runs", "curves", "rates", "spectra")]
    return [table_path(name) for name in names if name in plan.tables]


def judged_gates(wildcards):
    """Verdicts that parts of a claim wait for."""
    return [
        paths.judged[0].format(claim=gate)
        for gate in judged[wildcards.claim].gates
        if gate in judged
    ]


def lasting_files():
    """Every result that is kept, so that any that is lost is made again."""
    parts = [paths.job(file) for file in ("runs.parquet", "curves.parquet", "rates.parquet")]
    return [
        *expand([paths.dataset, paths.card], dataset=study.datasets),
        *expand([*parts, paths.job("endpoints.safetensors")], job=plan.jobs),
        *(
            paths.measurement(kind).format(job=job)
            for kind in MEASUREMENTS
            for job in plan.measured(kind)
        ),
        *(
            table_path(name, suffix)
            for name in sorted(plan.tables)
            for suffix in ("parquet", "csv")
        ),
        *expand([*paths.judged, *pictures, chinese_picture], claim=judged),
        *expand(experiment_pictures, experiment=study.experiments),
    ]


def described_tables():
    """Every table whose columns are described in a schema beside it."""
    of_claims = [path for path in paths.judged if path.endswith(".csv")]
    return [
        *map(table_path, sorted(plan.tables)),
        *expand(of_claims, claim=judged),
        *(paths.verdicts, paths.answers("csv"), paths.plan),
    ]


def require_gpu():
    """Refuse to begin without the GPU that the study asks for."""
    import torch

    if not torch.cuda.is_available():
        raise WorkflowError(
            f"{source}: execution.device: cuda, but torch finds no GPU here; take auto or cpu."
        )


def code_of(script, *modules, **options):
    """Digest of the code that a rule depends on, found by the imports of its script."""
    return reached_digest(SCRIPTS / f"{script}.py", *modules, **options)


def code_of_all():
    """Digest of the code that anything of this study depends on."""
    measured = [module_of(kind) for kind in MEASUREMENTS if plan.measured(kind)]
    modules = [*measured, *(each.module for each in study.analyses.values())]
    return reached_digest(*SCRIPTS.glob("*.py"), *modules, "figures/kinds/*.py")


# what made each file is in Snakemake's memory, which a copy may lack
if (
    workflow.is_main_process
    and not any(Path(".snakemake/metadata").glob("*"))
    and made_by_other_code(study.results, code_of_all())
):
    logger.warning(
        f"{study.results} was made by other code than this, and without the folder .snakemake "
        "of its maker nothing is planned for that; snakemake --forceall makes all anew."
    )
