"""Make the load: the child process, the only room that may import locust or gevent.

The one rule to keep: nothing outside this room imports it; it is started as `python -m loadtester.engine`, reads one
JSON order from its standard input and writes JSON lines to its standard output.
"""
