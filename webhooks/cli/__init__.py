"""Be the commands of the service: a module each, with `make_parser` and `main`, loaded when its command is called."""
