"""Results as text that Prometheus reads: text format 0.0.4 and OpenMetrics 1.0.

Our gauges read the same in both. They are rendered here and not by prometheus_client because a page may have
hundreds of thousands of series, which it renders several times slower: it escapes every label of every line,
where a target's labels need it once.
"""

import gzip
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from ocsp_exporter.metrics import METRICS, TARGET_LABELS, Metric, Publication
from ocsp_exporter.serving.negotiation import Format
from ocsp_exporter.serving.rendering import Renderer

_LONGEST_LABEL_VALUE = 256
_END = b"# EOF\n"


def render(publications: Iterable[Publication], now: float, form: Format) -> bytes:
    """Give the page of these results alone, as of `now`."""
    return _families(publications, now) + (_END if form is Format.OPENMETRICS else b"")


def render_with_own(publications: Iterable[Publication], now: float, form: Format, own: CollectorRegistry) -> bytes:
    """Give the page of these results and, after them, of the exporter's own metrics."""
    # prometheus_client ends OpenMetrics with the end mark itself.
    generate = generate_openmetrics if form is Format.OPENMETRICS else generate_latest
    return _families(publications, now) + generate(own)


def compress(page: bytes) -> bytes:
    """Give the page gzipped, at the level that is four times faster than the default and nearly as small."""
    return gzip.compress(page, compresslevel=1, mtime=0)


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
        page = render_with_own(publications, now, form, self._own)
        return compress(page) if gzipped else page


def _families(publications: Iterable[Publication], now: float) -> bytes:
    """Give the families in the order of the table, each with one HELP and TYPE; those without series are left out."""
    blocks = _label_blocks(publications)
    return "".join(text for metric in METRICS for text in _family(metric, blocks, now)).encode()


def _family(metric: Metric, blocks: dict[str, Publication], now: float) -> Iterator[str]:
    head, start = f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} gauge\n", metric.name + "{"
    for block, publication in blocks.items():
        seen: set[str] = set()
        for values, value in metric.samples(publication, now):
            more_labels = _more_labels(metric.labels, *values)
            if more_labels in seen:
                continue
            seen.add(more_labels)
            # The plus makes an int of a bool, which would read True.
            yield f"{head}{start}{block}{more_labels}}} {+value}\n"
            head = ""


def _label_blocks(publications: Iterable[Publication]) -> dict[str, Publication]:
    """Give each publication under its target's labels, escaped; of several under the same the first.

    Two targets whose blocks differ have no series in common, since rows and operators use different label names.
    """
    blocks: dict[str, Publication] = {}
    for publication in publications:
        result = publication.result
        values = (result.target.name, result.module)
        labels = (*zip(TARGET_LABELS, values, strict=True), *result.variant, *publication.labels)
        # An empty label is none to Prometheus, and two targets that differ in nothing else are one.
        block = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels if value)
        blocks.setdefault(block, publication)
    return blocks


# Most of them are the same for all targets: to write them anew would take half the time of the page.
@lru_cache(maxsize=16384)
def _more_labels(names: tuple[str, ...], *values: str) -> str:
    """Give the labels that tell the series of a metric from each other, escaped, behind those of the target."""
    shown = (_escaped(value[:_LONGEST_LABEL_VALUE]) for value in values)
    return "".join(f',{name}="{value}"' for name, value in zip(names, shown, strict=True))


@lru_cache(maxsize=16384)
def _escaped(value: str) -> str:
    """Give a label's value escaped. A lone surrogate, which UTF-8 has not, must not cost the whole page."""
    encodable = value.encode("utf-8", "replace").decode()
    return encodable.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
