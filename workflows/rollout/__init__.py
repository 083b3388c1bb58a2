"""Decide a release: pure values and functions, no I/O, no clock, no log."""
