"""From probabilities to outcomes, and from outcomes to counts and memory."""
