"""Arithmetic on arrays of amplitudes, and the buffers and threads it uses; it knows no circuit and no plan.

Every function takes and returns ndarrays and validates nothing. `dense` says how bits, targets and controls are
ordered; `measure` has what measuring does, `pauli` reads Pauli strings. Import its modules: they share no names.
"""
