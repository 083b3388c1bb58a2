"""Simulate canary releases to measure judges: traffic, Flagger's rule, scenarios and figures."""
