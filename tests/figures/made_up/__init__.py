"""Tables for the figures to draw: each module names, by claim, what makes its tables.

An exact claim that measures itself has none.
"""

import importlib
import pkgutil
from collections.abc import Callable

import pandas as pd

TABLES: dict[str, Callable[[], dict[str, pd.DataFrame]]] = {}
for _module in pkgutil.iter_modules(__path__):
    TABLES |= getattr(importlib.import_module(f"{__name__}.{_module.name}"), "TABLES", {})
