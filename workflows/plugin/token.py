"""Read the token by which Argo's agent shows who it is; it is made anew for each agent pod."""

from pathlib import Path

from workflows.errors import ConfigurationError

TOKEN_FILE = Path("/var/run/argo/token")
"""Where the agent pod shows the token to its plugins."""


def read_token(file: Path) -> str:
    """Read the token; raises ConfigurationError where there is none, since nobody could be told from the agent."""
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) else "it is not text"
        hint = "Argo's agent writes it where the plugin runs as user 8737; elsewhere name a file with --argo-token"
        raise ConfigurationError(f"--argo-token: {file} cannot be read ({told}); {hint}") from error
    if not token:
        raise ConfigurationError(f"--argo-token: {file} is empty; without a token everybody could release")
    return token
