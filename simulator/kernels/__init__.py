"""Arithmetic on arrays of amplitudes, and the buffers and threads it uses; it knows no circuit and no plan."""
