"""Keep runs, gates, epochs and events: a port and its adapters."""
