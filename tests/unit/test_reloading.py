"""When the configuration is loaded anew."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ocsp_exporter.config import DEFAULT_CONFIG, Config, ConfigError, load_config, show_config
from ocsp_exporter.serving.instruments import Instruments
from ocsp_exporter.serving.probes import Clock
from ocsp_exporter.serving.reloading import ConfigFile, Reloader, digest_of


class Running:
    """A reloader of a file, and what came into force."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.used: list[list[str]] = []
        self.instruments = Instruments([])
        self.is_using = 0
        self.write("a")
        file = ConfigFile(lambda: load_config(path), path, 0.02, digest_of(path))
        self.reloader = Reloader(file, DEFAULT_CONFIG, self.use, self.instruments, Clock())

    async def use(self, config: Config) -> None:
        """Note a configuration by its targets."""
        self.is_using += 1
        assert self.is_using == 1
        await asyncio.sleep(0.01)
        self.used.append([each.target.name for each in config.targets])
        self.is_using -= 1

    def write(self, *names: str) -> None:
        """Write a configuration with these targets."""
        self.path.write_text(f"targets: [{{targets: [{', '.join(names)}]}}]")

    @property
    def success(self) -> float | None:
        """What the metric says."""
        return self.instruments.registry.get_sample_value("ocsp_exporter_config_last_reload_successful")

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for the condition."""
        async with asyncio.timeout(20):
            while not condition():  # noqa: ASYNC110 - the conditions are about several objects
                await asyncio.sleep(0.005)


@pytest.fixture
def running(tmp_path: Path) -> Running:
    """Give a reloader of a file with one target."""
    return Running(tmp_path / "c.yaml")


@asynccontextmanager
async def following(reloader: Reloader) -> AsyncIterator[None]:
    """Follow the file and those who ask while this is entered."""
    task = asyncio.create_task(reloader.run())
    await asyncio.sleep(0.1)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


async def test_one_at_a_time(running: Running) -> None:
    """Whoever asks meanwhile has the file read once more: it may have changed since."""
    await asyncio.gather(*(running.reloader.reload() for _ in range(5)))
    assert running.used == [["a"]] * 5


async def test_a_file_that_is_gone(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    """It is a fault like others: all stays as it is, and each fault is logged."""
    running.path.unlink()
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory"):
        await running.reloader.reload()
    assert (running.used, running.success) == ([], 0)
    running.path.write_text("a: b\nc: d\n")
    with pytest.raises(ConfigError):
        await running.reloader.reload()
    told = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.message for record in told] == ["configuration refused, the running one stays"] * 3
    assert [getattr(record, "fields", {})["fault"].split(": ")[1] for record in told[1:]] == ["a", "c"]


async def test_an_error_of_ours_leaves_all_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    """On a signal it is logged with its place in the code."""

    def load() -> Config:
        raise ZeroDivisionError

    async def use(_config: Config) -> None:
        raise AssertionError

    instruments = Instruments([])
    reloader = Reloader(ConfigFile(load), DEFAULT_CONFIG, use, instruments, Clock())
    async with following(reloader):
        reloader.ask()
        await asyncio.sleep(0.1)
        assert instruments.registry.get_sample_value("ocsp_exporter_config_last_reload_successful") == 0
    assert [record.message for record in caplog.records if record.exc_info] == [
        "reloading ended in an error of the exporter"
    ]


async def test_a_watched_file(running: Running) -> None:
    """It is loaded when what is in it has changed, however it was replaced, and not before."""
    async with following(running.reloader):
        running.path.touch()
        running.write("a")
        await asyncio.sleep(0.1)
        assert running.used == []
        running.write("b")
        await running.until(lambda: running.used == [["b"]])
        running.path.write_text("oops")
        await running.until(lambda: running.success == 0)
        running.path.unlink()
        await asyncio.sleep(0.1)
        running.write("c")
        await running.until(lambda: running.used == [["b"], ["c"]])
        assert running.success == 1


@pytest.mark.parametrize("text", [None, "", "\n", "# to be written\n", "{}\n", "targets: []\n"])
async def test_a_watched_file_that_is_emptied(
    running: Running, caplog: pytest.LogCaptureFixture, text: str | None
) -> None:
    """Or removed: the running configuration stays, which is told once, until there is one again, be it the same."""
    await running.reloader.reload()
    async with following(running.reloader):
        if text is None:
            running.path.unlink()
        else:
            running.path.write_text(text)
        await running.until(lambda: running.success == 0)
        await asyncio.sleep(0.1)
        assert running.used == [["a"]]
        assert show_config(running.reloader.config).count(b"- a\n") == 1
        running.write("a")
        await running.until(lambda: running.success == 1)
        assert running.used == [["a"], ["a"]]
    told = [getattr(record, "fields", {})["fault"] for record in caplog.records if record.levelno == logging.ERROR]
    emptied = "says nothing, as a file does that is being written; to run without any, start the exporter again"
    assert told == [f"{running.path}: " + ("cannot be read: No such file or directory" if text is None else emptied)]


async def test_an_empty_file_in_the_place_of_an_empty_one(running: Running) -> None:
    """Who began without a configuration may go on without."""
    running.path.write_text("# nothing yet\n")
    await running.reloader.reload()
    assert (running.used, running.success) == ([[]], 1)


async def test_a_file_that_is_not_watched(running: Running) -> None:
    """It is loaded when that is asked for, once for all who ask meanwhile, and not when it changes."""
    file = ConfigFile(lambda: load_config(running.path), running.path)
    reloader = Reloader(file, DEFAULT_CONFIG, running.use, running.instruments, Clock())
    async with following(reloader):
        running.write("b")
        await asyncio.sleep(0.1)
        assert running.used == []
        for _ in range(5):
            reloader.ask()
        await running.until(lambda: running.used == [["b"]])
        await asyncio.sleep(0.1)
        assert running.used == [["b"]]


async def test_what_was_asked_for_is_no_change(running: Running) -> None:
    """A watched file that was loaded on request, by signal or over HTTP, is not loaded again for having changed."""
    async with following(running.reloader):
        running.write("b")
        running.reloader.ask()
        await running.until(lambda: running.used == [["b"]])
        await asyncio.sleep(0.2)
        assert running.used == [["b"]]
    file = ConfigFile(lambda: load_config(running.path), running.path, 1.0, digest_of(running.path))
    reloader = Reloader(file, DEFAULT_CONFIG, running.use, running.instruments, Clock())
    async with following(reloader):
        running.write("c")
        await reloader.reload()
        await asyncio.sleep(1.5)
        assert running.used == [["b"], ["c"]]


async def test_without_a_file(running: Running) -> None:
    """What is built in is loaded again, which changes nothing."""
    reloader = Reloader(ConfigFile(lambda: DEFAULT_CONFIG), DEFAULT_CONFIG, running.use, running.instruments, Clock())
    async with following(reloader):
        reloader.ask()
        await running.until(lambda: running.used == [[]])


async def test_what_takes_a_restart_is_shown_as_it_holds(running: Running) -> None:
    """Not as it stands in the file by now."""
    running.path.write_text("targets: [{targets: [b]}]\nstore: {path: /var/lib/x}\negress: {follow: any}")
    remarks = await running.reloader.reload()
    assert [remark.split()[0] for remark in remarks] == ["store", "egress"]
    shown = show_config(running.reloader.config).decode()
    assert ("- b\n" in shown, "store: {}" in shown, "follow: trusted" in shown) == (True, True, True)
