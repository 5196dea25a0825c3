"""The typed, hierarchical program that the figure and the code are made from."""
