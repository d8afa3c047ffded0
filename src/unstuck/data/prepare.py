"""From a description to a prepared dataset: read, split, change, standardise, describe."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from unstuck.data.dataset import Dataset, Split
from unstuck.data.load import RawData, RawPart, load_raw
from unstuck.data.spec import DatasetSpec
from unstuck.data.split import stratified_split
from unstuck.data.standardise import fit_standardisation
from unstuck.data.transforms import PARTS, Brightness, LabelNoise, Part, Scale
from unstuck.errors import ConfigError

Samples = dict[Part, np.ndarray]

SHARED = 0
"""Number of the unit whose split all share where there is one."""

RANK_TOLERANCE = 1e-10
"""Variance of a principal component, in units of the largest, that counts as none."""


def prepare(spec: DatasetSpec, units: Sequence[int], cache: Path | None = None) -> Dataset:
    """Prepare a dataset: a split for every unit, each with a preparation of its own.

    Parameters
    ----------
    spec
        What to prepare.
    units
        Numbers of the units; a unit's split does not depend on the others.
    cache
        Folder of downloads; None: the folder that the variable ``UNSTUCK_CACHE`` names, else the
        user's cache.

    Examples
    --------
    >>> import unstuck
    >>> spec = unstuck.DatasetSpec(source="digits", train=64, validation=32, test=32, pca=8)
    >>> unstuck.prepare(spec, units=[0, 1]).unit(1).x_train.shape
    (64, 8)

    Raises
    ------
    DataError
        If the source cannot be had or is not what its checksum says.
    ConfigError
        If whitening is asked of components without variance.
    """
    raw = _kept(spec, load_raw(spec, cache))
    splits, facts = {}, {}
    for unit in (SHARED,) if spec.splits == "one" else units:
        splits[unit], facts[unit] = _prepared(spec, raw, unit)
    return Dataset.of(splits, _description(spec, raw), facts)


def _kept(spec: DatasetSpec, raw: RawData) -> RawData:
    """Keep the samples of the classes that are asked for, numbered anew.

    Raises
    ------
    ConfigError
        If too few are left for the parts.
    """
    if spec.only is None:
        return raw
    pool, test = (
        part if part is None else _of_classes(part, spec.only) for part in (raw.pool, raw.test)
    )
    assert pool is not None, "every source has a pool"
    wanted = spec.train + spec.validation + (spec.test if test is None else 0)
    if wanted > len(pool.y) or (test is not None and spec.test > len(test.y)):
        raise ConfigError(
            f"{spec.source}: the classes {list(spec.only)} have {len(pool.y):,} samples, too few "
            f"for the {wanted:,} that the parts take; ask for fewer."
        )
    return replace(raw, pool=pool, test=test)


def _of_classes(part: RawPart, only: Sequence[int]) -> RawPart:
    rows = np.flatnonzero(np.isin(part.y, only))
    numbers = np.zeros(max(int(part.y.max()), *only) + 1, np.int64)
    numbers[list(only)] = np.arange(len(only))
    return RawPart(part.x[rows], numbers[part.y[rows]])


def _prepared(spec: DatasetSpec, raw: RawData, unit: int) -> tuple[Split, dict[str, Any]]:
    """Give the split of a unit, and what was found while it was prepared."""
    x, y = _split(spec, raw, unit)
    for pattern_transform in spec.pattern_transforms:
        x = {part: pattern_transform.apply(x[part], part, unit) for part in PARTS}
    for transform in spec.transforms:
        if isinstance(transform, Brightness):
            bounds = transform.bounds(x["train"], spec.classes)
            y = {part: transform.apply(x[part], bounds) for part in PARTS}
    x, standardisation = _standardised(spec, x)
    x, components = _projected(spec, x)
    changed = 0
    for transform in spec.transforms:
        if isinstance(transform, Scale):
            x = {part: transform.apply(x[part], unit) for part in PARTS}
        elif isinstance(transform, LabelNoise):
            true = y["train"]
            y["train"] = transform.apply(true, spec.classes, unit)
            changed = int(np.sum(y["train"] != true))
    tensors = {f"x_{part}": np.ascontiguousarray(x[part], np.float32) for part in PARTS}
    tensors |= {f"y_{part}": y[part] for part in PARTS}
    facts = {
        **standardisation,
        **components,
        "labels_changed": changed,
        "samples_per_class": {
            part: np.bincount(y[part], minlength=spec.classes).tolist() for part in PARTS
        },
    }
    return Split(**tensors, classes=spec.classes), facts


def _split(spec: DatasetSpec, raw: RawData, unit: int) -> tuple[Samples, Samples]:
    """Draw the parts, test first, so that it does not depend on how many train."""
    x: Samples = {}
    y: Samples = {}
    parts: tuple[Part, ...] = ("test", "validation", "train")
    sizes = {"train": spec.train, "validation": spec.validation, "test": spec.test}
    pools = (
        [(raw.pool, parts)] if raw.test is None else [(raw.test, parts[:1]), (raw.pool, parts[1:])]
    )
    for number, (pool, drawn) in enumerate(pools):
        split = stratified_split(pool.y, [sizes[part] for part in drawn], unit, number)
        for part, rows in zip(drawn, split, strict=True):
            # float64 until it is standardised, where float32 would lose digits
            exact = pool.x[rows].astype(np.result_type(pool.x, np.float32))
            x[part] = exact / np.float32(raw.unit)
            y[part] = pool.y[rows]
    return x, y


def _standardised(spec: DatasetSpec, x: Samples) -> tuple[Samples, dict[str, Any]]:
    if spec.standardise == "none":
        return x, {}
    fitted = fit_standardisation(x["train"], spec.standardise)
    if spec.standardise == "feature":
        facts: dict[str, Any] = {"constant_features": fitted.constant_features}
    else:
        facts = {"mean": float(fitted.mean), "standard_deviation": float(fitted.scale)}
    return {part: fitted.apply(x[part]) for part in PARTS}, facts


def _projected(spec: DatasetSpec, x: Samples) -> tuple[Samples, dict[str, Any]]:
    """Take the leading principal components of the training part."""
    if spec.pca is None:
        return x, {}
    # no planning needs it, and it takes its time to import
    from sklearn.decomposition import PCA

    flat = {part: x[part].reshape(len(x[part]), -1).astype(np.float64) for part in PARTS}
    # before the covariance, which would lose the digits of a large mean
    mean = flat["train"].mean(axis=0)
    fitted = PCA(spec.pca, whiten=spec.pca_whiten, svd_solver="covariance_eigh")
    fitted.fit(flat["train"] - mean)
    variance = fitted.explained_variance_
    rank = int((variance > RANK_TOLERANCE * variance[0]).sum())
    if spec.pca_whiten and spec.pca > rank:
        raise ConfigError(
            f"pca = {spec.pca} with pca_whiten, but the training part has only {rank} components "
            f"of non-zero variance; ask for at most {rank}."
        )
    facts = {"explained_variance": float(fitted.explained_variance_ratio_.sum())}
    return {part: fitted.transform(flat[part] - mean).astype(np.float32) for part in PARTS}, facts


def _description(spec: DatasetSpec, raw: RawData) -> dict[str, Any]:
    """Give what the card says of all splits."""
    source = spec.origin
    names = list(spec.class_names)
    if any(isinstance(transform, Brightness) for transform in spec.transforms):
        names = [f"brightness {number} of {spec.classes}" for number in range(1, spec.classes + 1)]
    pca = {"components": spec.pca, "whitened": spec.pca_whiten} if spec.pca else None
    columns = [] if spec.file is None else list(spec.file.content.columns)
    return {
        "source": source.name,
        "title": source.title,
        "citation": source.citation,
        "url": source.url,
        "licence": source.licence,
        "raw_sha256": raw.checksums,
        "raw_shape": list(source.shape),
        "class_names": names,
        **({"columns": columns} if columns else {}),
        "samples": {"train": spec.train, "validation": spec.validation, "test": spec.test},
        "shape": list(spec.input_shape),
        "splits": spec.splits,
        "standardise": spec.standardise,
        "pca": pca,
        "transforms": [transform.model_dump(mode="json") for transform in spec.transforms],
        "digest": spec.digest,
    }
