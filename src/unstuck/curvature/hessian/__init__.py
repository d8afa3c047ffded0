"""Hessians and Gauss-Newton matrices, whole or as products."""
