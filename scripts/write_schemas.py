"""Rule schemas: say of every table what its columns are, in a schema beside it."""

from pathlib import Path

from unstuck.files import column_names, write_json
from unstuck.logs import logged
from unstuck.report.dictionary import Schemas
from unstuck.study.load import parse_study
from unstuck.study.plan import Plan

with logged(snakemake.log[0]):
    schemas = Schemas(Plan(parse_study(snakemake.config)))
    root = Path(snakemake.params.root)
    for table, place in zip(snakemake.input, snakemake.output, strict=True):
        name = Path(table).relative_to(root).with_suffix("").as_posix()
        _, _, claim = name.partition("claims/")
        tables = snakemake.params.judged.get(claim.partition("/")[0], ())
        write_json(place, schemas.of(name, column_names(table), tables))
