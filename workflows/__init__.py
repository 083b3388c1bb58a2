"""Run the weight-step and metric-gate loop of a canary release, whole or stage by stage."""
