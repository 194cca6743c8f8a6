"""Estimator and sampler over the queue, beside Aer's and Qiskit's own."""
