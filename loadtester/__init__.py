"""Make load with Locust and judge it; knows nothing of Flagger, Kubernetes or pipelines."""
