"""A second, slow implementation of what a circuit means, to compare with the product."""
