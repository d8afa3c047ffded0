"""Every path of a study's results, as Snakemake patterns, in one place."""

from dataclasses import dataclass

#: what lies in a results folder: no other study's folder may lie in its place
ROOMS = (
    *("analyses", "answers", "benchmarks", "checkpoints", "claims", "data", "figures", "logs"),
    *("measurements", "plan", "report", "runs", "study", "tables", "verdicts"),
)


def not_a_room(results: str) -> str:
    """Return a results folder that is no part of the folder above it.

    Raises
    ------
    ValueError
        If it is.
    """
    if results.rpartition("/")[2] in ROOMS:
        raise ValueError(f"{results!r} is a part of the folder `results`; take another name")
    return results


#: what is written of a claim that was judged
VERDICT, COMPARISONS, CHECKS, VALUES = "verdict.json", "comparisons.csv", "checks.csv", "values.csv"


@dataclass(frozen=True)
class Paths:
    """Paths below one results folder; braces are Snakemake wildcards."""

    root: str

    @property
    def dataset(self) -> str:
        """Tensors of a prepared dataset."""
        return f"{self.root}/data/{{dataset}}.safetensors"

    @property
    def card(self) -> str:
        """What a prepared dataset is and where it came from."""
        return f"{self.root}/data/{{dataset}}.json"

    @property
    def plan(self) -> str:
        """The table of runs that the experiments expand to."""
        return f"{self.root}/plan.csv"

    def job(self, file: str) -> str:
        """A file of a training job: runs.parquet, curves.parquet, endpoints.safetensors."""
        return f"{self.root}/runs/{{job}}/{file}"

    @property
    def checkpoints(self) -> str:
        """Folder of a training job's checkpoints, there only while it runs."""
        return f"{self.root}/checkpoints/{{job}}"

    def measurement(self, kind: str = "{kind}") -> str:
        """A measurement of a job's endpoints, such as spectra."""
        return f"{self.root}/measurements/{{job}}/{kind}.parquet"

    def table(self, suffix: str = "parquet", kind: str = "{kind}") -> str:
        """A table of an experiment: runs, curves, or what is measured at its endpoints."""
        return f"{self.root}/tables/{{experiment}}.{kind}.{suffix}"

    def analysed(self, suffix: str = "parquet") -> str:
        """A table of an analysis."""
        return f"{self.root}/analyses/{{analysis}}/{{table}}.{suffix}"

    @property
    def claim(self) -> str:
        """Folder of what was judged of a claim."""
        return f"{self.root}/claims/{{claim}}"

    @property
    def judged(self) -> list[str]:
        """Files of what was judged of a claim, the verdict first."""
        return [f"{self.claim}/{file}" for file in (VERDICT, COMPARISONS, CHECKS, VALUES)]

    def answers(self, suffix: str) -> str:
        """Every claim's question and answer, as a table (csv) or a page (md)."""
        return f"{self.root}/answers.{suffix}"

    @property
    def verdicts(self) -> str:
        """One row a claim and part of its primary."""
        return f"{self.root}/verdicts.csv"

    def figure(self, suffix: str) -> str:
        """A claim's figure."""
        return f"{self.root}/figures/{{claim}}.{suffix}"

    def experiment(self, suffix: str) -> str:
        """An experiment's figure: curves, final values, rates, spectra."""
        return f"{self.root}/figures/experiment.{{experiment}}.{suffix}"

    @property
    def report(self) -> str:
        """Folder of the report; its first page is index.html."""
        return f"{self.root}/report"

    def log(self, rule: str, wildcards: str = "") -> str:
        """Log of a rule's job; ``wildcards`` such as ``{job}`` tell its jobs apart."""
        return f"{self.root}/logs/{rule}{'/' + wildcards if wildcards else ''}.log"

    def benchmark(self, rule: str, wildcards: str = "") -> str:
        """Snakemake's benchmark of a rule's job."""
        return f"{self.root}/benchmarks/{rule}{'/' + wildcards if wildcards else ''}.tsv"
