"""Which gates are multiplied together, and in what order: no angle and no machine is known here."""
