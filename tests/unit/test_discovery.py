"""All sources together: what they say reaches the workers, what is wrong is told once, and nothing is lost."""

import asyncio
import glob
import logging
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ocsp_exporter.config import DEFAULT_CONFIG, Config
from ocsp_exporter.config.discovery import ClientTLS, FileDiscovery, HTTPDiscovery
from ocsp_exporter.model import Module, ScheduledTarget, TLSVersion
from ocsp_exporter.serving.discovery.discovery import Discovery
from ocsp_exporter.serving.discovery.sharding import WHOLE, Shard
from ocsp_exporter.serving.instruments import Instruments
from ocsp_exporter.serving.probes import Clock
from tests.probing.http_server import Script, answer, hang_after, serve
from tests.unit.results import NOW, scheduled

TLS = ClientTLS(None, None, None, None, insecure_skip_verify=False, min_version=TLSVersion.TLS12)


def files(folder: Path, pattern: str = "*.yaml", module: str = "tls") -> FileDiscovery:
    """Look at the files of a folder."""
    return FileDiscovery((str(folder / pattern),), module, 60.0, refresh_interval=300.0)


def url(address: str, refresh_interval: float = 60.0) -> HTTPDiscovery:
    """Ask a URL."""
    return HTTPDiscovery(address, "tls", 60.0, refresh_interval, None, TLS, follow_redirects=True)


def listing(*names: str) -> Script:
    """Answer with a list of targets."""
    targets = ", ".join(f'"{name}"' for name in names)
    return answer(f'[{{"targets": [{targets}]}}]'.encode(), Content_Type="application/json")


class Followed:
    """A discovery whose files are looked at all the time, and what it published last."""

    def __init__(self, shard: Shard = WHOLE) -> None:
        self.targets: Sequence[ScheduledTarget] = ()
        self.published = 0
        self.now = NOW
        self.instruments = Instruments(DEFAULT_CONFIG.modules)
        clock = Clock(wall=lambda: self.now)
        self.discovery = Discovery(self.publish, self.instruments, clock, shard, look_at_files_every=0.01)

    def publish(self, targets: Sequence[ScheduledTarget]) -> None:
        """Note what the workers would get."""
        self.targets = targets
        self.published += 1

    @property
    def names(self) -> list[str]:
        """Give the targets."""
        return [each.target.name for each in self.targets]

    def own(self, name: str, **labels: str) -> float | None:
        """Give a value of the exporter's own metrics, None where the series is absent."""
        return self.instruments.registry.get_sample_value(f"ocsp_exporter_{name}", labels)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for the condition."""
        async with asyncio.timeout(20):
            while not condition():  # noqa: ASYNC110 - the conditions are about several objects
                await asyncio.sleep(0.005)


@asynccontextmanager
async def following(config: Config, shard: Shard = WHOLE) -> AsyncIterator[Followed]:
    """Follow the sources of a configuration while this is entered."""
    followed = Followed(shard)
    await followed.discovery.use(config)
    try:
        yield followed
    finally:
        await followed.discovery.close()


def config(*sources: FileDiscovery | HTTPDiscovery, targets: Sequence[ScheduledTarget] = ()) -> Config:
    """Make a configuration with these sources."""
    return replace(
        DEFAULT_CONFIG,
        targets=tuple(targets),
        file_discoveries=tuple(each for each in sources if isinstance(each, FileDiscovery)),
        http_discoveries=tuple(each for each in sources if isinstance(each, HTTPDiscovery)),
    )


async def test_without_sources_there_are_the_configured_targets() -> None:
    """They are published at once, and nothing is waited for."""
    followed = Followed()
    assert not followed.discovery.has_answered
    await followed.discovery.use(config(targets=[scheduled("a")]))
    assert (followed.names, followed.discovery.has_answered) == (["a"], True)
    assert [followed.own("targets", discovery=kind) for kind in ("static", "file", "http")] == [1, 0, 0]
    assert followed.own("discovery_last_success_timestamp_seconds", discovery="file") is None


async def test_files_are_followed(tmp_path: Path) -> None:
    """They are read before anything is published, and again when they change."""
    (tmp_path / "a.yaml").write_text("- targets: [b, c]\n")
    async with following(config(files(tmp_path), targets=[scheduled("a")])) as followed:
        assert (followed.names, followed.published) == (["a", "b", "c"], 1)
        assert (followed.discovery.has_answered, followed.own("targets", discovery="file")) == (True, 2)
        (tmp_path / "a.yaml").write_text("- targets: [d]\n")
        await followed.until(lambda: followed.names == ["a", "d"])
        (tmp_path / "a.yaml").unlink()
        await followed.until(lambda: followed.names == ["a"])
        assert followed.published == 3


async def test_urls_are_followed() -> None:
    """They are asked while the others are looked at already, and again and again."""
    async with (
        serve(listing("b"), listing("c", "d")) as server,
        following(config(url(server.url(), 1.0), targets=[scheduled("a")])) as followed,
    ):
        assert (followed.names, followed.discovery.has_answered) == (["a"], False)
        await followed.until(lambda: followed.discovery.has_answered)
        assert followed.names == ["a", "b"]
        await followed.until(lambda: followed.names == ["a", "c", "d"])
        assert followed.own("targets", discovery="http") == 2


async def test_a_source_that_fails_has_answered_too(caplog: pytest.LogCaptureFixture) -> None:
    """It is counted each time and told once; when it answers again, that is told, and what it last said held."""
    bad = answer(b"oops", "500 Oops")
    async with serve(bad, listing("a"), bad, bad, listing("a"), bad) as server:
        with caplog.at_level(logging.INFO):
            async with following(config(url(server.url(), 1.0))) as followed:
                await followed.until(lambda: followed.discovery.has_answered)
                assert (followed.names, followed.own("discovery_failures_total", discovery="http")) == ([], 1)
                assert followed.own("discovery_last_success_timestamp_seconds", discovery="http") is None
                await followed.until(lambda: len(server.heads) == 6)
                await followed.until(lambda: followed.own("discovery_failures_total", discovery="http") == 4)
                assert followed.names == ["a"]
                assert followed.own("discovery_last_success_timestamp_seconds", discovery="http") == NOW
    told = [record.message for record in caplog.records if record.name.startswith("ocsp_exporter")]
    failed, again = "discovery failed, what was last good stays", "discovery works again"
    assert told == [failed, "targets discovered", again, failed, again, failed]


async def test_one_that_hangs_keeps_no_other_waiting(tmp_path: Path) -> None:
    """Each source is followed by itself."""
    (tmp_path / "a.yaml").write_text("- targets: [a]\n")
    async with serve(hang_after(b"")) as silent, serve(listing("b")) as server:
        sources = (files(tmp_path), url(silent.url()), url(server.url()))
        async with following(config(*sources)) as followed:
            await followed.until(lambda: followed.names == ["a", "b"])
            assert not followed.discovery.has_answered


async def test_a_disk_that_hangs_from_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts as one that has failed; what is not on it is looked at, and so is what is, when it answers at last."""
    release = threading.Event()
    find = glob.glob

    def slow(pattern: str) -> list[str]:
        if pattern.startswith(str(tmp_path / "gone")):
            release.wait()
        return find(pattern)

    monkeypatch.setattr(glob, "glob", slow)
    for name in ("gone", "here"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.yaml").write_text(f"- targets: [{name}]\n")
    gone = replace(files(tmp_path / "gone"), refresh_interval=0.1)
    sources = [gone, replace(gone, module="other"), files(tmp_path / "here")]
    async with following(config(*sources, targets=[scheduled("a")])) as followed:
        assert (followed.names, followed.discovery.has_answered) == (["a", "here"], True)
        assert (followed.own("discovery_failures_total", discovery="file") or 0) >= 2
        release.set()
        await followed.until(lambda: followed.names == ["a", "gone", "here"])


async def test_the_longest_failing_source_counts(tmp_path: Path) -> None:
    """The time of the last success is that of the source that has not had one for longest."""
    (tmp_path / "a.yaml").write_text("[]")
    (tmp_path / "b.yml").write_text("[]")
    async with following(config(files(tmp_path), files(tmp_path, "*.yml"))) as followed:

        def since() -> float | None:
            return followed.own("discovery_last_success_timestamp_seconds", discovery="file")

        assert since() == NOW
        (tmp_path / "a.yaml").write_text("oops")
        await followed.until(lambda: followed.own("discovery_failures_total", discovery="file") == 1)
        before = since()
        followed.now = NOW + 60
        (tmp_path / "b.yml").write_text("- targets: [a]")
        await followed.until(lambda: followed.names == ["a"])
        assert since() == before == NOW
        (tmp_path / "a.yaml").write_text("[]")
        await followed.until(lambda: since() == NOW + 60)
        await followed.discovery.use(config())
        assert since() is None


async def test_what_is_left_out_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And counted once, however often the list is read; what is new is told again."""
    path = tmp_path / "a.yaml"

    def left_out(reason: str) -> float | None:
        return followed.own("discovery_omissions_total", discovery="file", reason=reason)

    path.write_text("- targets: [a, 'b c', a]\n  labels: {job: x, __meta_y: z}\n")
    async with following(config(files(tmp_path), targets=[scheduled("d")])) as followed:
        assert [left_out(each) for each in ("invalid_target", "duplicate_target", "reserved_label")] == [1, 1, 1]
        path.write_text("- targets: [a, 'b c', a, e]\n  labels: {job: x, __meta_y: z}\n")
        await followed.until(lambda: followed.names == ["d", "a", "e"])
        assert [left_out(each) for each in ("invalid_target", "duplicate_target", "reserved_label")] == [1, 1, 1]
        path.write_text("- targets: [a, 'b c', d]\n")
        await followed.until(lambda: followed.names == ["d", "a"])
        assert [left_out(each) for each in ("invalid_target", "duplicate_target", "reserved_label")] == [1, 2, 1]
    facts = [getattr(record, "fields", {}) for record in caplog.records if record.message == "discovered, and left out"]
    assert [(each["reason"], each["what"]) for each in facts] == [
        ("duplicate_target", "a"),
        ("invalid_target", "b c"),
        ("reserved_label", "job"),
        ("duplicate_target", "d"),
    ]
    assert {each["source"] for each in facts} == {str(tmp_path / "*.yaml")}


async def test_of_much_that_is_left_out_some_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """All of it is counted."""
    (tmp_path / "a.yaml").write_text("- targets: [" + ", ".join(f"'no target {n}'" for n in range(100)) + "]\n")
    async with following(config(files(tmp_path))) as followed:
        assert followed.own("discovery_omissions_total", discovery="file", reason="invalid_target") == 100
    facts = [getattr(record, "fields", {}) for record in caplog.records if record.message == "discovered, and left out"]
    assert (len(facts), facts[-1]["more"]) == (21, 80)


async def test_shards(tmp_path: Path) -> None:
    """Of all sources together each target is looked at by one exporter, and counted there."""
    (tmp_path / "a.yaml").write_text("- targets: [" + ", ".join(f"found-{n}" for n in range(20)) + "]\n")
    both = config(files(tmp_path), targets=[scheduled(f"static-{n}") for n in range(20)])
    async with following(both, Shard(0, 2)) as first, following(both, Shard(1, 2)) as second:
        assert sorted(first.names + second.names) == sorted(
            [f"{kind}-{n}" for kind in ("found", "static") for n in range(20)]
        )
        assert 0 < len(first.names) < 40
        counted = [first.own("targets", discovery=kind) or 0 for kind in ("static", "file")]
        assert sum(counted) == len(first.names)


async def test_sources_that_stay_go_on(tmp_path: Path) -> None:
    """A new configuration with the same sources asks nobody again, and nothing is gone meanwhile."""
    (tmp_path / "a.yaml").write_text("- targets: [a]\n")
    async with serve(listing("b")) as server:
        sources = (files(tmp_path), url(server.url()))
        async with following(config(*sources)) as followed:
            await followed.until(lambda: followed.names == ["a", "b"])
            await followed.discovery.use(config(*sources, targets=[scheduled("c")]))
            assert (followed.names, followed.discovery.has_answered) == (["c", "a", "b"], True)
            await asyncio.sleep(0.05)
            assert len(server.heads) == 1


async def test_a_source_that_changes_loses_nothing(tmp_path: Path) -> None:
    """What was known of its files and URLs holds until they have been read again, and by the new modules."""
    (tmp_path / "a.yaml").write_text("- targets: [a]\n")
    (tmp_path / "broken.yaml").write_text("- targets: [b]\n")
    async with (
        serve(listing("c"), hang_after(b"")) as server,
        following(config(files(tmp_path), url(server.url()))) as followed,
    ):
        await followed.until(lambda: followed.names == ["a", "b", "c"])
        (tmp_path / "broken.yaml").write_text("oops")
        (tmp_path / "d.yml").write_text("- targets: [d]\n")
        other = Module("other", timeout=1.0)
        wider = replace(files(tmp_path, module="other"), files=(str(tmp_path / "*.yaml"), str(tmp_path / "*.yml")))
        seldom = replace(url(server.url(), 30.0), module="other")
        published = followed.published
        await followed.discovery.use(replace(config(wider, seldom), modules={"other": other}))
        assert (followed.names, followed.published) == (["a", "b", "d", "c"], published + 1)
        assert {each.module for each in followed.targets} == {other}
        assert followed.discovery.has_answered
        await followed.until(lambda: len(server.heads) == 2)
        assert followed.names == ["a", "b", "d", "c"]


async def test_a_source_that_goes_takes_its_targets_along(tmp_path: Path) -> None:
    """And is looked at no more."""
    (tmp_path / "a.yaml").write_text("- targets: [a]\n")
    async with (
        serve(listing("b")) as server,
        following(config(files(tmp_path), url(server.url(), 1.0))) as followed,
    ):
        await followed.until(lambda: followed.names == ["a", "b"])
        await followed.discovery.use(config(targets=[scheduled("c")]))
        assert followed.names == ["c"]
        asked = len(server.heads)
        (tmp_path / "a.yaml").write_text("- targets: [a, d]\n")
        await asyncio.sleep(0.5)
        assert (followed.names, len(server.heads)) == (["c"], asked)


async def test_modules_that_change_reach_what_is_discovered(tmp_path: Path) -> None:
    """A target is looked at by the module as it is now, and one whose module is gone is left out."""
    (tmp_path / "a.yaml").write_text("- targets: [a]\n- targets: [b]\n  labels: {__param_module: other}\n")
    before = replace(config(files(tmp_path)), modules={"tls": Module("tls"), "other": Module("other")})
    async with following(before) as followed:
        assert [each.module for each in followed.targets] == [Module("tls"), Module("other")]
        await followed.discovery.use(replace(before, modules={"tls": Module("tls", timeout=1.0)}))
        assert [each.module for each in followed.targets] == [Module("tls", timeout=1.0)]
        assert followed.own("discovery_omissions_total", discovery="file", reason="unknown_module") == 1


async def test_an_error_of_ours_ends_no_source(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged with its place in the code, counted, and the next look is made."""
    async with serve(listing("a")) as server:
        with monkeypatch.context() as patched:
            patched.setattr("ocsp_exporter.serving.discovery.http.fetch", None)
            async with following(config(url(server.url(), 1.0))) as followed:
                await followed.until(lambda: followed.discovery.has_answered)
                assert followed.own("discovery_failures_total", discovery="http") == 1
                patched.undo()
                await followed.until(lambda: followed.names == ["a"])
    (record,) = (each for each in caplog.records if each.exc_info)
    assert record.message == "a discovery ended in an error of the exporter"
