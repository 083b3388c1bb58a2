"""Serve the app from a WSGI server of one's own: `gunicorn 'webhooks.wsgi:make_app()'`, settings from PENSTOCK_...

The runner is not started here: run `python -m webhooks.runs DATA_DIR` beside it.
"""

import os

from flask import Flask

from webhooks.app import create_app
from webhooks.settings import read_settings


def make_app() -> Flask:
    """Make the app with the settings of the environment."""
    return create_app(read_settings({}, os.environ))
