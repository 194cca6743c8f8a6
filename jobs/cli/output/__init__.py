"""What a person or a script reads of a command: results, bars, tables, lines. Nothing is decided here."""
