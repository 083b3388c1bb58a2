"""Give the verdict on a release or on a stretch of its metrics, for whoever asks: Argo Rollouts, a CI job, a person."""
