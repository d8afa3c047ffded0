"""The oldest versions that pyproject.toml allows of every direct dependency, as requirements.

Torch is the one of the lock: its older wheels are for other processors and Pythons.
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

for need in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]:
    if not need.startswith("torch"):
        print(re.sub(r">=([^,]+).*", r"==\1", need))
print(re.search(r"^torch==.*$", (ROOT / "torch.lock").read_text(), re.MULTILINE)[0])
