"""The screens of ``basicaer watch``: a cluster on one, and a job on another."""
