"""The JSON schema of a claim's file, for editors that complete and check it.

Run ``python -m unstuck.claims.documentation`` after changing the model; a test compares the file.
"""

from pathlib import Path

from unstuck.claims.model import claim_schema
from unstuck.files import write_json

SCHEMA = Path("workflow/schemas/claim.schema.json")

if __name__ == "__main__":
    write_json(SCHEMA, claim_schema())
