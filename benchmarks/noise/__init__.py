"""Noisy circuits beside Aer's automatic method: from a circuit and a noise model to counts."""
