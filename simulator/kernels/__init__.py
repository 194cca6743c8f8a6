"""Verbs on arrays, and their buffers and threads; no circuit, plan or qubit is known here."""
