"""Count user traffic and answer queries: Envoy's counters, Prometheus, memory."""
