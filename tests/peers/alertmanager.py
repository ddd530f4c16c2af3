"""A real Alertmanager, and somebody whom it notifies."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from tests.peers.daemons import HOST, find, free_port, run
from tests.peers.servers import write

#: The labels of an alert, sorted.
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Notification:
    """What a notification says of one alert; `status` is `firing` or `resolved`."""

    status: str
    labels: dict[str, str]
    annotations: dict[str, str]


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """An Alertmanager that runs, and what it has delivered so far."""

    url: str
    delivered: list[Notification] = field(default_factory=list)

    def told(self, status: str, **labels: str) -> list[Notification]:
        """Return the notifications of a status whose alerts have these labels."""
        return [each for each in self.delivered if each.status == status and labels.items() <= each.labels.items()]


@contextmanager
def running_alertmanager(folder: Path, inhibit_rules: list[dict[str, Any]]) -> Iterator[Alertmanager]:
    """Run an Alertmanager that delivers each alert at once, by itself, while the block lasts."""
    port = free_port()
    alertmanager = Alertmanager(f"http://{HOST}:{port}")
    with _webhook(alertmanager.delivered) as url:
        configuration = {
            "route": {
                "receiver": "test",
                "group_by": ["..."],
                "group_wait": "0s",
                "group_interval": "1s",
                "repeat_interval": "1h",
            },
            "receivers": [{"name": "test", "webhook_configs": [{"url": url}]}],
            "inhibit_rules": inhibit_rules,
        }
        path = write(folder / "alertmanager.yml", yaml.safe_dump(configuration).encode())
        command = [
            find("prometheus-alertmanager"),
            f"--config.file={path}",
            f"--storage.path={folder}/alertmanager",
            f"--web.listen-address={HOST}:{port}",
            "--cluster.listen-address=",
        ]
        with run(command, folder, [port]):
            yield alertmanager


@contextmanager
def _webhook(delivered: list[Notification]) -> Iterator[str]:
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            # Appended whole: the list is read meanwhile.
            delivered.extend(
                [Notification(each["status"], each["labels"], each["annotations"]) for each in body["alerts"]]
            )
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((HOST, 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
