"""What pages of other sites may have a browser do here: read what they cannot see, and change nothing."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers


def is_cross_origin(headers: Headers) -> bool:
    """Tell whether a browser says that a page of another origin makes this request, as Go's CrossOriginProtection does.

    Who says nothing of it is no browser. A page under a name that its owner has lead here is taken for our own: no
    header tells, but a login or TLS keeps it out.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    # Older browsers, and all of them in clear HTTP.
    origin = headers.get("origin")
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc != headers.get("host")
    except ValueError:
        return True
