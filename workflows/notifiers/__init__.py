"""Tell people: in memory, on the console."""
