"""How many workers and jobs does one Redis carry? Run by `make bench-model`."""
