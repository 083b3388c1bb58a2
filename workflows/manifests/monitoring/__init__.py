"""Write what Prometheus and Grafana are to show and to say of releases: alert rules and a dashboard."""
