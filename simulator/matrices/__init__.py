"""The numbers of a plan: matrices of gates, and their products for each block."""
