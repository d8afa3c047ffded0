"""Analyses of classification: softmax and the losses over it."""
