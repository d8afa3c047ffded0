"""Rule measurement: measure the endpoints of one training job."""

from pathlib import Path

import torch

from unstuck.data.dataset import Dataset
from unstuck.files import write_parquet
from unstuck.logs import logged
from unstuck.study.endpoints import Endpoints
from unstuck.study.load import parse_study
from unstuck.study.measurements.registry import measure
from unstuck.study.plan import Plan

with logged(snakemake.log[0]) as progress:
    torch.set_num_threads(snakemake.threads)
    study = parse_study(snakemake.config)
    job = Plan(study).jobs[snakemake.wildcards.job]
    endpoints = Endpoints.of_job(
        job.cells,
        Path(snakemake.input.runs).parent,
        Dataset.load(snakemake.input.tensors, snakemake.input.card),
        study.execution.resolved_device(torch.cuda.is_available()),
    )
    table = measure(
        snakemake.wildcards.kind,
        snakemake.params.endpoints,
        endpoints,
        snakemake.params.tolerance,
        progress,
    )
    write_parquet(snakemake.output.table, table)
