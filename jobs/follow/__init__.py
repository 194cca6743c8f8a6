"""Following a recorded job: its status, progress and log, and waiting for its end, which is announced.

Others import its modules and not the room, since the command line shows a bar before it has loaded Qiskit.
"""
