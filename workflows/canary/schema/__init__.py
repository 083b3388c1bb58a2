"""Hold the tables of what a Canary file may say: one file per part, data only."""
