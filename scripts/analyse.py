"""Rule analysis: compute the tables of one analysis."""

from pathlib import Path

import numpy as np
import torch

from unstuck.data.dataset import Dataset
from unstuck.files import read_parquet, write_csv, write_parquet
from unstuck.logs import logged
from unstuck.study.analyses.base import Context
from unstuck.study.load import parse_study

with logged(snakemake.log[0]) as progress:
    study = parse_study(snakemake.config)
    analysis = study.analyses[snakemake.params.name]
    # timings measure one thread unless they say otherwise, whatever cores they keep free
    torch.set_num_threads(1 if analysis.timing else snakemake.threads)
    tensors, cards = snakemake.input.get("tensors", []), snakemake.input.get("cards", [])
    context = Context(
        datasets={
            name: Dataset.load(tensor, card)
            for name, tensor, card in zip(analysis.dataset_names, tensors, cards, strict=True)
        },
        inputs={
            name: read_parquet(path)
            for name, path in zip(analysis.reads, snakemake.input.get("tables", []), strict=True)
        },
        device=study.execution.device,
        threads=snakemake.threads,
        first_unit=study.first_unit,
        progress=progress,
    )
    folder = Path(snakemake.output.tables[0]).parent
    for name, table in sorted(analysis.run(context).items()):
        write_parquet(folder / f"{name}.parquet", table)
        # a point or a spectrum is one cell of the Parquet file, and too long for one of a CSV file
        long = [column for column in table if table[column].map(np.ndim).any()]
        write_csv(folder / f"{name}.csv", table.drop(columns=long))
