"""Speak to a Kubernetes API server: what the adapters for clusters have in common, and nothing about releases.

The rule to keep: the `kubernetes` package is imported only when a connection is made, its errors never leave this room.
"""
