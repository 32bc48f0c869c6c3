"""Who may ask: only pages of this machine. A site that points its own name at 127.0.0.1, or opens our WebSocket
from its pages, is refused."""

from urllib.parse import urlsplit

HOSTS = {"127.0.0.1", "localhost"}


def allowed(host: str | None, origin: str | None) -> bool:
    """Whether a request with these headers comes from here: its host is this machine by name, and the page that
    sends it, if one does, came from the very same address."""
    if host is None or not _ours(f"http://{host}"):
        return False
    return origin is None or origin == f"http://{host}"


def policy(host: str) -> dict[str, str]:
    """Headers that keep a page to what came with it."""
    rules = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        f"connect-src 'self' ws://{host}",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return {
        "Content-Security-Policy": "; ".join(rules),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


def _ours(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.hostname in HOSTS and parts.username is None and not parts.path and parts.port != 0
    except ValueError:  # no number where a port should be
        return False
