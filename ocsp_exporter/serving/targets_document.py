"""`/sd`: the targets of the workers as Prometheus's http_sd has them, so that it can have each probed by `/probe`."""

import json
from collections.abc import Iterable

from ocsp_exporter.model import ScheduledTarget


def render(targets: Iterable[ScheduledTarget]) -> bytes:
    """Give the document: groups of targets with the same module, as `__param_module`, and labels.

    Files are left out, for /probe does not look at them; so are intervals, for the schedule is then Prometheus's.
    """
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for each in targets:
        if not each.target.is_file:
            labels = (("__param_module", each.module.name), *each.labels)
            groups.setdefault(labels, []).append(each.target.name)
    return json.dumps([{"targets": names, "labels": dict(labels)} for labels, names in groups.items()]).encode()
