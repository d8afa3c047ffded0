"""What the one update rule makes of given gradients: parity, memory, steady states."""

import pandas as pd

from unstuck.study.analyses.base import AnalysisBase, Context


class UpdateRuleAnalysis(AnalysisBase):
    """The update rule against torch.optim, against its own special cases and closed forms."""

    tables = ("parity", "limits", "steps", "memory", "early_sigma", "adagrad")

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Feed the update rule with gradients whose outcome is known.

        Returns
        -------
        parity
            One row a pair of update rules and seed.
            part (string): combination (Adam of its parts), torch.optim, or reduction (a rule that
                is a case of another).
            rule (string): The rule, in words.
            against (string): What it is held against; empty where the rule's name says it.
            seed (integer): Number of the random quadratics or gradients.
            difference (number): Largest relative difference, of parameters over 200 updates of
                noisy quadratics, or for reductions of steps at the same gradients.
        limits
            One row a β₁ and β₂.
            Also: relative_error.
            beta1 (number): β₁, the share of the old direction that is kept.
            beta2 (number): β₂, the share of the old average of squares that is kept.
            constant (number): Size of m/σ in the end under gradients 1, 1, ...
            alternating (number): Size of m/σ in the end under gradients 1, −1, ...
            ratio (number): The first over the second.
            expected (number): Its closed form, (1 + β₁)/(1 − β₁).
            sigma_gap (number): Largest difference of σ between the two.
            recurrence_gap (number): Largest difference of the step from the recurrence written out.
        steps
            One row a β₁, way of the gradients and update.
            Also: beta1, update.
            gradients (string): constant or alternating.
            m (number): The direction m.
            sigma (number): σ.
            ratio (number): m/σ.
        memory
            One row an α of RMSProp.
            Also: relative_error.
            alpha (number): α, the share of the old average of squares that is kept.
            updates (integer, updates): Updates until the step has recovered from gradients a
                thousand times as large.
            expected (number, updates): Its closed form.
        early_sigma
            One row a source and update.
            Also: update.
            source (string): simulated (the update rule on Gaussian gradients), exact, or RAdam's
                approximation.
            relative_variance (number): Variance of 1/σ as a share of its squared mean.
            over_exact (number): That over the exact one; none where there is none.
        adagrad
            One row a surface, rate and rule.
            Also: surface.
            rate (number): Learning rate.
            rule (string): Mean of squares with the rate η/√(t + 1), mean of squares alone, or on
                straight bowls a recurrence without curvature.
            gap (number): Largest distance of its path from that of Adagrad's sum, as a share of the
                largest coordinate.
        """
        from unstuck.study.analyses.rates import early_variance, parity, squares, steady_state

        context.progress("comparing update rules")
        return {
            "parity": parity.comparisons(),
            "limits": steady_state.limits(),
            "steps": steady_state.steps(),
            "memory": steady_state.memory(),
            "early_sigma": early_variance.variances(),
            "adagrad": squares.adagrad(),
        }
