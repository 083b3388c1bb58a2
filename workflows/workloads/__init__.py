"""Run the two versions: processes, memory."""
