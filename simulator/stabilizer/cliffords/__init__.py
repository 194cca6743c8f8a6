"""Which gates and states are Clifford, decided by their matrices and amplitudes."""
