"""The words of the command ``unstuck``; what they do stands in the modules beside."""

import re
import shlex
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import click

from unstuck.command.home import CLAIMS, EXAMPLES, SNAKEFILE
from unstuck.errors import ConfigError, UnstuckError, found_in
from unstuck.files import write_text

if TYPE_CHECKING:
    from unstuck.claims.planning import Planned
    from unstuck.study.plan import Plan

EXAMPLE, CLAIM_EXAMPLE = EXAMPLES / "mine.yaml", EXAMPLES / "my-claims/x.1-small-batches.yaml"
#: what a new study may be called, so that its results may bear its name
STUDY_NAME = re.compile(r"[a-z][a-z0-9_-]*")


class Commands(click.Group):
    """Commands that end a user's error in one sentence."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise
        except (UnstuckError, OSError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("unstuck"), prog_name="unstuck")
def cli() -> None:
    """Why does training stop, and what gets it going again?

    \b
    A study is one YAML file. The way through one:
      unstuck new mine.yaml          a small study, with comments, to change
      unstuck check mine.yaml        is it right? one sentence, or ok
      unstuck plan mine.yaml         what it would run and take, and the command that runs it
      unstuck answer 1.2.5           what came of a claim, in the terminal
      unstuck show RUN_ID            what a run was, and how to train it alone
    Snakemake runs studies; this command starts nothing.
    """


_code = click.option(
    "--code", default="", help="Files of networks of kind `module` that may run, commas between."
)


@cli.command()
@click.argument("file", default="mine.yaml", type=click.Path(path_type=Path))
def new(file: Path) -> None:
    """Write FILE (mine.yaml), a small study with comments to start from."""
    if file.suffix != ".yaml" or not STUDY_NAME.fullmatch(file.stem):
        raise ConfigError(
            f"{file}: a study is called by lower-case letters, digits, - and _, then .yaml, "
            "such as mine.yaml."
        )
    _write_new(file, EXAMPLE.read_text().replace("results/mine", f"results/{file.stem}"))
    click.echo(f"{file} is written; change it, then: unstuck plan {file}")


@cli.command()
@click.argument("study", type=click.Path(path_type=Path))
@_code
def check(study: Path, code: str) -> None:
    """Say whether STUDY, a file, and the claims that it judges are right: one sentence, or ok."""
    _, judged = _planned(study, code)
    click.echo(f"ok: {study} judges {len(judged)} claim{'' if len(judged) == 1 else 's'}")


@cli.command()
@click.argument("study", type=click.Path(path_type=Path))
@_code
def plan(study: Path, code: str) -> None:
    """Say what STUDY would run and take, before anything runs.

    Counts are those known before training: where rates are raced a grid may still grow, and runs
    that stop at a loss may stop early. Minutes are of one core of this machine, without a GPU:
    rates that were measured once (`make rates`), by how fast it does a fixed piece of work.
    """
    from unstuck.command.work import told

    made, judged = _planned(study, code)
    _say(told(made, judged))
    words = ["snakemake", "--snakefile", str(SNAKEFILE), "--configfile", str(study)]
    words += ["--config", f"code={code}"] if code else []
    click.echo(f"\nRun it: {shlex.join([*words, '--cores', 'all'])}")


_results = click.option(
    "--results",
    default="results",
    type=click.Path(path_type=Path),
    help="Folder of the results, `results` if left out; other studies below it are searched too.",
)


@cli.command()
@click.argument("run_id")
@_results
@click.option("--study", help="File of its study; if left out the one that its results name.")
@_code
def show(run_id: str, results: Path, study: str | None, code: str) -> None:
    """Show the run RUN_ID (its first digits will do): what it was, and how to train it alone.

    Points of figures have their run in claims/ID/values.csv, rows of tables in the column run_id.
    """
    from unstuck.command.found import find_run
    from unstuck.command.found import told as told_of_run

    _say(told_of_run(find_run(run_id, results), study, code))


@cli.command()
@click.argument("claim")
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", help="Of the answer.")
@_results
def answer(claim: str, language: str, results: Path) -> None:
    """Give the answer to CLAIM, such as 1.2.5, with the numbers that decided."""
    from unstuck.command.found import answered

    _say(answered(claim, results, language))


_finished = click.argument("study", default="config.yaml", type=click.Path(path_type=Path))
_reference = click.option(
    "--reference", default="reference", type=click.Path(path_type=Path), help="Its folder."
)


@cli.command()
@_finished
@_reference
@_code
def verify(study: Path, reference: Path, code: str) -> None:
    """Hold the results of STUDY (config.yaml) against its reference; exit code 1 if they differ."""
    from unstuck.report.reference import Finished
    from unstuck.report.verification import verified

    lines, passed = verified(Finished.of(study, CLAIMS, code=code), reference)
    _say(lines)
    if not passed:
        raise click.exceptions.Exit(1)


@cli.command(name="reference")
@_finished
@_reference
@_code
def write_reference(study: Path, reference: Path, code: str) -> None:
    """Write the reference of STUDY (config.yaml), from its results: words, effects and digests."""
    from unstuck.report.reference import Finished, Reference

    made = Reference.of(Finished.of(study, CLAIMS, code=code))
    made.save(reference)
    verdicts, files = made.effects["claim"].nunique(), len(made.files)
    click.echo(f"{reference}: {verdicts} verdicts and the digests of {files} files")


@cli.group(name="claim")
def claims() -> None:
    """Claims of your own."""


@claims.command(name="new")
@click.argument("name")
def new_claim(name: str) -> None:
    """Write my-claims/NAME.yaml, a claim with comments; NAME is its id and slug, such as x.1-mine.

    \b
    Then name it in the study:   claims: [all, "my-claims/*.yaml"]
    """
    from unstuck.claims.model import FILE_NAME

    if not FILE_NAME.fullmatch(name):
        raise ConfigError(f"{name}: a claim is called by an id and a slug, such as x.1-mine.")
    file = Path("my-claims", f"{name}.yaml")
    # the first line leads an editor to the schema, from where the example lies
    _write_new(file, CLAIM_EXAMPLE.read_text().partition("\n")[2])
    click.echo(f'{file} is written; name it in the study: claims: [all, "my-claims/*.yaml"]')


def _planned(study: Path, code: str) -> tuple["Plan", dict[str, "Planned"]]:
    from unstuck.claims.planning import planned_claims
    from unstuck.study.load import load_study
    from unstuck.study.plan import Plan

    checked = load_study(study, code)
    with found_in(str(study)):
        made = Plan(checked)
        made.try_modules()
        return made, planned_claims(checked.claims, CLAIMS, made)


def _write_new(file: Path, text: str) -> None:
    if file.exists():
        raise ConfigError(f"{file} is there already; give another name.")
    write_text(file, text)


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)
