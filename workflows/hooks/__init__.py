"""Call webhooks: over HTTP as Flagger does, or from a script in memory."""
