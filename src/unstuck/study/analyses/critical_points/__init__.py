"""Analyses of critical points and of the Hessian."""
