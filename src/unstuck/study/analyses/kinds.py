"""The kinds of analysis that a study may name."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from unstuck.complaints import first_complaint, keys_at, one_of
from unstuck.study.analyses.base import AnalysisBase
from unstuck.study.analyses.batches.batch_orders import BatchOrdersAnalysis
from unstuck.study.analyses.batches.gradient_noise import GradientNoiseAnalysis
from unstuck.study.analyses.batches.update_time import UpdateTimeAnalysis
from unstuck.study.analyses.classification.softmax import SoftmaxAnalysis
from unstuck.study.analyses.convolution.convolution_layer import ConvolutionLayerAnalysis
from unstuck.study.analyses.convolution.twins import TwinsAnalysis
from unstuck.study.analyses.critical_points.critical_search import CriticalSearchAnalysis
from unstuck.study.analyses.critical_points.gallery import GalleryAnalysis
from unstuck.study.analyses.critical_points.hessian_cost import HessianCostAnalysis
from unstuck.study.analyses.critical_points.ladder import LadderAnalysis
from unstuck.study.analyses.critical_points.probes import ProbesAnalysis
from unstuck.study.analyses.critical_points.random_matrices import RandomMatricesAnalysis
from unstuck.study.analyses.critical_points.taylor import TaylorAnalysis
from unstuck.study.analyses.normalisation.batchnorm_layer import BatchnormLayerAnalysis
from unstuck.study.analyses.normalisation.feature_scale import FeatureScaleAnalysis
from unstuck.study.analyses.normalisation.running_averages import RunningAveragesAnalysis
from unstuck.study.analyses.normalisation.smoothness import SmoothnessAnalysis
from unstuck.study.analyses.rates.departures import DeparturesAnalysis
from unstuck.study.analyses.rates.early_sigma import EarlySigmaAnalysis
from unstuck.study.analyses.rates.effective_rates import EffectiveRatesAnalysis
from unstuck.study.analyses.rates.trajectories import TrajectoriesAnalysis
from unstuck.study.analyses.rates.update_rule import UpdateRuleAnalysis

_MODELS: tuple[type[AnalysisBase], ...] = (
    *(BatchOrdersAnalysis, GradientNoiseAnalysis, UpdateTimeAnalysis),
    *(SoftmaxAnalysis, ConvolutionLayerAnalysis, TwinsAnalysis),
    *(CriticalSearchAnalysis, GalleryAnalysis, HessianCostAnalysis, LadderAnalysis),
    *(ProbesAnalysis, RandomMatricesAnalysis, TaylorAnalysis),
    *(BatchnormLayerAnalysis, FeatureScaleAnalysis, RunningAveragesAnalysis, SmoothnessAnalysis),
    *(DeparturesAnalysis, EarlySigmaAnalysis, EffectiveRatesAnalysis),
    *(TrajectoriesAnalysis, UpdateRuleAnalysis),
)
#: by name, which is that of the module
KINDS = dict(sorted((model.__module__.rpartition(".")[2], model) for model in _MODELS))


def parse_analysis(given: Any) -> AnalysisBase:
    """Check one entry of ``analyses`` by the model of its kind.

    Raises
    ------
    ValueError
        With one sentence that names the key, the value and what would be right.
    """
    if not isinstance(given, Mapping) or "kind" not in given:
        raise ValueError(f"an analysis is a mapping with a kind, one of {', '.join(KINDS)}")
    model = KINDS[one_of(str(given["kind"]), KINDS, what="kind")]
    fields = {key: value for key, value in given.items() if key != "kind"}
    for key in fields:
        one_of(key, model.model_fields, what="key")
    try:
        return model.model_validate_json(json.dumps(fields), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        *parents, key = map(str, first["loc"] or [""])
        if first["type"] == "extra_forbidden":
            one_of(key, keys_at(model, first["loc"][:-1]), what=f"{'.'.join(parents)}: key")
        if first["type"] == "missing":
            raise ValueError(f"{'.'.join([*parents, key])} is missing; it is required") from error
        raise ValueError(first_complaint(error)) from error


def schema() -> dict[str, Any]:
    """JSON schema of one entry of ``analyses``, its references resolved in place."""
    options = []
    for name, model in KINDS.items():
        content = model.model_json_schema()
        content = _resolved(content, content.pop("$defs", {}))
        content["properties"] = {"kind": {"const": name}} | content["properties"]
        content["required"] = ["kind", *content.get("required", [])]
        options.append(content)
    return {"anyOf": options}


def _resolved(content: Any, definitions: Mapping[str, Any]) -> Any:
    """Put the definitions that a JSON schema refers to in the place of the references."""
    if isinstance(content, list):
        return [_resolved(each, definitions) for each in content]
    if not isinstance(content, dict):
        return content
    plain = {key: _resolved(value, definitions) for key, value in content.items() if key != "$ref"}
    if "$ref" in content:
        name = content["$ref"].rpartition("/")[2]
        plain = _resolved(definitions[name], definitions) | plain
    return plain
