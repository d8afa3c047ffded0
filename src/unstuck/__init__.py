"""Why does the training of a neural network stop, and what gets it going again?"""
