"""Show people how a release goes and how it went."""
