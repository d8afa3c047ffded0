"""Rule train: train the runs of one job, keeping those that an earlier call finished."""

from pathlib import Path

import torch

from unstuck.data.dataset import Dataset
from unstuck.logs import logged
from unstuck.study.digests import digest
from unstuck.study.load import parse_study
from unstuck.study.plan import Plan
from unstuck.training.bank import Execution
from unstuck.training.engines.choice import kernel_is_there
from unstuck.training.job import run_job

with logged(snakemake.log[0]) as progress:
    torch.set_num_threads(snakemake.threads)
    study = parse_study(snakemake.config)
    settings = study.execution
    cells = Plan(study).jobs[snakemake.wildcards.job].cells
    # a file of one's own may have changed since
    dataset = Dataset.load(snakemake.input.tensors, snakemake.input.card, cells[0].run.data)
    device = settings.resolved_device(torch.cuda.is_available())
    run_job(
        cells,
        dataset,
        Path(snakemake.output.runs).parent,
        Execution(
            device=device,
            engine=settings.engine,
            members=None if settings.members == "auto" else settings.members,
            checkpoints=Path(snakemake.params.checkpoints),
            checkpoint_seconds=settings.checkpoint_seconds,
            # rows of other code, torch, device or engine are not taken over
            code=digest(
                [
                    snakemake.params.code_of_rows,
                    torch.__version__.partition("+")[0],
                    device,
                    settings.engine,
                    kernel_is_there(),
                ]
            ),
        ),
        progress,
    )
