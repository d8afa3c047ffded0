"""Measurements that are no grid of training runs: each kind is one module."""
