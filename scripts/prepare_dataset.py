"""Rule dataset: prepare one dataset and write its tensors and card."""

import contextlib
import sys
import traceback
from pathlib import Path

from unstuck.data.prepare import prepare
from unstuck.data.spec import DatasetSpec
from unstuck.errors import UnstuckError

with Path(snakemake.log[0]).open("w", encoding="utf-8") as log, contextlib.redirect_stderr(log):
    try:
        dataset = prepare(DatasetSpec.model_validate(snakemake.params.spec))
        dataset.save(snakemake.output.tensors, snakemake.output.card)
    except UnstuckError as error:
        print(error, file=log)
        sys.exit(f"datasets.{snakemake.wildcards.dataset}: {error}")
    except Exception:
        traceback.print_exc(file=log)
        raise
