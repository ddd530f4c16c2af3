"""Foreign text in our sentences: on one line, short, and unable to steer a terminal."""


def printable(text: str, limit: int = 80) -> str:
    r"""Give `text` with what cannot be seen written as an escape such as `\n`, cut to about `limit` characters."""
    cut = text if len(text) <= limit else text[:limit] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)


def quoted(text: str) -> str:
    """Give `text` as `printable` does, in double quotes."""
    return f'"{printable(text)}"'
