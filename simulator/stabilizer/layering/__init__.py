"""Programs -> layers of controlled Paulis, measurements, resets, noise and feedback; and why some cannot be."""
