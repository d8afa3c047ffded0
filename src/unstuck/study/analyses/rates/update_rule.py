"""What the one update rule makes of given gradients: parity, memory, schedules, steady states."""

import pandas as pd

from unstuck.study.analyses.base import AnalysisBase, Context


class UpdateRuleAnalysis(AnalysisBase):
    """The update rule against torch.optim, against its own special cases and closed forms."""

    tables = (
        *("parity", "rules", "bowl", "limits", "steps", "memory"),
        *("early_sigma", "schedules", "adagrad"),
    )

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Feed the update rule with gradients whose outcome is known.

        Returns
        -------
        parity
            One row a pair of update rules and seed: the largest relative difference, of their
            parameters over 200 updates of noisy quadratics (`part` combination and torch.optim), or
            of their steps for the same gradients (`part` reduction). Combinations hold Adam against
            momentum's average over RMSProp's σ, with and without both bias corrections, and against
            a library's RMSprop with a momentum of its own.
        rules
            One row an optimizer: its m and σ in words.
        bowl
            One row an optimizer and update: its path over one bowl at the rate that arrives first.
        limits
            One row a β₁ and β₂: the size of m/σ in the end under gradients 1, 1, ... and under
            1, −1, ..., their ratio, its closed form (1 + β₁)/(1 − β₁) and relative error, and the
            largest differences over all updates of σ between the two, and of the step from the
            recurrence written out.
        steps
            One row a β₁, way of the gradients and update: m, σ and m/σ.
        memory
            One row an α of RMSProp: updates until the step has recovered from gradients a thousand
            times as large, the closed form, and its relative error.
        early_sigma
            One row a source (the update rule on Gaussian gradients, the exact variance, RAdam's
            approximation) and update: the variance of 1/σ over its squared mean, and that over the
            exact one.
        schedules
            One row a quantity of a schedule: its value, what it must be, and the difference.
        adagrad
            One row a surface, rate and rule (mean of squares with the rate η/√(t + 1), mean of
            squares alone, on straight bowls a recurrence without curvature): the largest distance
            of its path from that of Adagrad's sum, relative to the largest coordinate.
        """
        from unstuck.study.analyses.rates import bowl_paths, early_variance, parity, steady_state

        context.progress("comparing update rules")
        return {
            "parity": parity.comparisons(),
            "rules": bowl_paths.rules(),
            "bowl": bowl_paths.shortest(),
            "limits": steady_state.limits(),
            "steps": steady_state.steps(),
            "memory": steady_state.memory(),
            "early_sigma": early_variance.variances(),
            "schedules": bowl_paths.schedules(),
            "adagrad": bowl_paths.adagrad(),
        }
