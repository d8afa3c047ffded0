"""The JSON schema of the registry, for editors that complete and check its YAML.

Run ``python -m unstuck.claims.documentation`` after changing the model; a test compares the file.
"""

import json
from pathlib import Path

from unstuck.claims.registry import registry_schema
from unstuck.files import write_json

SCHEMA = Path("workflow/schemas/claims.schema.json")


def schema() -> str:
    """The schema as text."""
    return json.dumps(registry_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    write_json(SCHEMA, registry_schema())
