"""Keep a release on record so that every decision can be checked, made again and explained from the record alone."""
