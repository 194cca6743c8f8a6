"""How fast is the simulator, beside Aer, qulacs and what memory allows? Run by `make bench-engine`."""
