"""The platform of one machine: processes instead of pods, Envoy instead of a mesh."""
