"""Populations along the lanes of a vector register: a compiled kernel, its build and its loader."""
