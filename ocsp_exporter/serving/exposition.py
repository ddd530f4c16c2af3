"""Results as text that Prometheus reads: text format 0.0.4 and OpenMetrics 1.0.

Our gauges read the same in both. They are rendered here and not by prometheus_client because a page may have
hundreds of thousands of series, which it renders many times slower: it writes every line anew, where most lines
of a result stay the same from scrape to scrape (`lines`).
"""

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from io import BytesIO
from itertools import chain

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from ocsp_exporter.metrics import METRICS, Publication, ValueAtScrape
from ocsp_exporter.serving.lines import lines_at, write
from ocsp_exporter.serving.negotiation import Format
from ocsp_exporter.serving.rendering import Renderer

_END = b"# EOF\n"
# So many targets' series of a family are one piece of a page, of some 50 KiB: to put it together holds the other
# threads up for less than a millisecond, and while it is compressed they run.
_AT_A_TIME = 256
# What zlib calls a window of 32 KiB with gzip's header.
_GZIP = 16 + zlib.MAX_WBITS


def render(publications: Iterable[Publication], now: float, form: Format) -> bytes:
    """Give the page of these results alone, as of `now`."""
    targets = _by_labels(publications)
    families = _families_of_one(*targets.popitem(), now) if len(targets) == 1 else _families(targets, now)
    return b"".join(chain(families, (_END,) if form is Format.OPENMETRICS else ()))


def render_with_own(
    publications: Iterable[Publication], now: float, form: Format, own: CollectorRegistry
) -> Iterator[bytes]:
    """Give the page of these results and, after them, of the exporter's own metrics, in pieces."""
    yield from _families(_by_labels(publications), now)
    # prometheus_client ends OpenMetrics with the end mark itself.
    yield (generate_openmetrics if form is Format.OPENMETRICS else generate_latest)(own)


def compress(pieces: Iterable[bytes]) -> bytes:
    """Give a page gzipped, at the level that is four times faster than the default and nearly as small."""
    compressor = zlib.compressobj(level=1, wbits=_GZIP)
    zipped = [compressor.compress(piece) for piece in pieces]
    return b"".join((*zipped, compressor.flush()))


class MetricsPage:
    """The page `/metrics`, rendered in a thread: one rendering at a time, shared by those who ask meanwhile.

    `publications` is called on the event loop and gives the results to show; `clock` gives the time of the scrape.
    """

    def __init__(
        self, publications: Callable[[], Sequence[Publication]], own: CollectorRegistry, clock: Callable[[], float]
    ) -> None:
        self._publications = publications
        self._own = own
        self._clock = clock
        self._renderer = Renderer()

    async def body(self, form: Format, *, gzipped: bool) -> bytes:
        """Give the page as of now, or as of the moment at which the rendering under way began."""

        def prepare() -> Callable[[], bytes]:
            return partial(self._page, self._publications(), self._clock(), form, gzipped=gzipped)

        return await self._renderer.page((form, gzipped), prepare)

    def _page(self, publications: Sequence[Publication], now: float, form: Format, *, gzipped: bool) -> bytes:
        pieces = render_with_own(publications, now, form, self._own)
        return compress(pieces) if gzipped else _joined(pieces)


def _joined(pieces: Iterable[bytes]) -> bytes:
    # b"".join would have all of a large page in memory twice, and so take half as long again.
    page = BytesIO()
    page.writelines(pieces)
    return page.getvalue()


def _families_of_one(labels: bytes, publication: Publication, now: float) -> Iterator[bytes]:
    """Give what `_families` gives where there is one target, as on `/probe`, in half the time."""
    for (head, name, at_scrape), written in zip(_ROWS, publication.lines, strict=False):  # last are the labels
        if lines := lines_at(at_scrape, publication, now) if at_scrape else written:
            yield head + lines.replace(b"\n", name + labels) + b"\n"


def _families(by_labels: Mapping[bytes, Publication], now: float) -> Iterator[bytes]:
    """Give the families in the order of the table, each with one HELP and TYPE; those without series are left out."""
    targets = list(by_labels.items())
    parts = [targets[start : start + _AT_A_TIME] for start in range(0, len(targets), _AT_A_TIME)]
    for row, (head, name, at_scrape) in enumerate(_ROWS):
        begun = False
        for part in parts:
            series = [
                lines.replace(b"\n", name + labels)
                for labels, publication in part
                if (lines := lines_at(at_scrape, publication, now) if at_scrape else publication.lines[row])
            ]
            if series:
                yield b"".join(series) if begun else head + b"".join(series)
                begun = True
        if begun:
            yield b"\n"


_ROWS = [
    (
        f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} gauge".encode(),
        f"\n{metric.name}{{".encode(),
        metric.reader if isinstance(metric.reader, ValueAtScrape) else None,
    )
    for metric in METRICS
]


def _by_labels(publications: Iterable[Publication]) -> dict[bytes, Publication]:
    """Give each publication, its lines written, under its target's labels; of several under the same the first.

    Two targets whose labels differ have no series in common, since rows and operators use different label names.
    """
    found: dict[bytes, Publication] = {}
    for publication in publications:
        write(publication)
        found.setdefault(publication.lines[-1], publication)
    return found
