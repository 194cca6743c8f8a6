"""A circuit as plain data, checked when it is built: gates, classical expressions, instructions, the Program."""
