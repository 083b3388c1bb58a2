"""Answer Flagger's webhooks: gates, integration tests and load whose verdict decides."""
