"""Keep a release's state and its owner: files, memory."""
