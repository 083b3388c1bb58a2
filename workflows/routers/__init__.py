"""Split user traffic between the arms: Envoy, memory."""
