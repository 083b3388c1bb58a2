"""Tell the operator what the service does: figures for Prometheus and a log of one event per decision."""
