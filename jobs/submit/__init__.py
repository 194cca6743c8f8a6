"""From circuits and options to a job in the store: checked, lowered, cut and encoded."""
