"""HTML as the tests read it: what stands where, without the markup."""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Element:
    """An element with its attributes; `text` is all the text in it, with blanks as a browser shows them."""

    tag: str
    attributes: dict[str, str | None]
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What is read in it."""
        return " ".join("".join(self.pieces).split())


class Page(HTMLParser):
    """A page read whole: its elements in their order, each of which has to be closed by its own end tag."""

    _INLINE = frozenset({"a", "bdi", "code", "small", "span", "strong"})
    _WITHOUT_END = frozenset({"meta", "link", "input", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(text)
        self.close()
        assert [element.tag for element in self._open] == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        if tag not in self._INLINE:
            self.handle_data(" ")
        element = Element(tag, dict(attrs))
        self.elements.append(element)
        if tag not in self._WITHOUT_END:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element of an SVG."""
        self.elements.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Close the element that is open."""
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        """Add text to all that it stands in."""
        for element in self._open:
            element.pieces.append(data)

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Give the elements of a kind with these attributes, of which `class_` has to be one of several words."""
        wanted_class = attributes.pop("class_", None)
        return [
            element
            for element in self.elements
            if element.tag == tag
            and (wanted_class is None or wanted_class in (element.attributes.get("class") or "").split())
            and all(element.attributes.get(name) == value for name, value in attributes.items())
        ]

    def text(self, tag: str, **attributes: str) -> str:
        """Give the text of the first such element."""
        return self.all(tag, **attributes)[0].text

    def rows(self) -> dict[str, dict[str, str]]:
        """Give the rows of the table of targets by their names: the text of each cell by its title."""
        rows: dict[str, dict[str, str]] = {}
        row: dict[str, str] = {}
        for element in self.elements:
            if element.tag == "tr":
                row = {}
            elif element.tag == "th" and element.attributes.get("scope") == "row":
                row["Target"] = element.text
            elif element.tag == "td":
                row[element.attributes.get("data-title") or "Verdict"] = element.text
            elif element.tag == "bdi" and "name" not in row and "Target" in row:
                row["name"] = element.text
                rows[" ".join((element.text, *(["again"] if element.text in rows else [])))] = row
        return rows
