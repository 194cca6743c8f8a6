"""Results: the parts that a job stored, read back and made a Qiskit `Result`."""

from jobs.results.fetch import StoredResults, check_has_result

__all__ = ["StoredResults", "check_has_result"]
