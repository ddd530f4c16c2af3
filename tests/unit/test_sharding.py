"""Which exporter of several looks at a target."""

import pytest

from ocsp_exporter.serving.discovery.sharding import WHOLE, Shard, parse_shard


def test_shards_are_those_of_prometheus() -> None:
    """The last 8 bytes of the MD5 count, as a big-endian number."""
    # `printf example.org:443 | md5sum` ends with ca2f74989c935657, which is 14568991518377596503.
    assert [index for index in range(4) if Shard(index, 4).has("example.org:443")] == [3]
    assert [index for index in range(1000) if Shard(index, 1000).has("example.org:443")] == [503]


def test_one_of_one_has_everything() -> None:
    """Without sharding each target is ours, and the first of one is no sharding."""
    assert parse_shard("0/1") == WHOLE
    assert WHOLE.has("anything")


@pytest.mark.parametrize(
    "text", ["", "1", "1/1", "3/3", "-1/3", "0/0", "a/b", "0/3/", "00/3", "0/03", "0/100001", " 0/3"]
)
def test_what_is_no_shard(text: str) -> None:
    """The number counts from 0, and is below that of the exporters."""
    with pytest.raises(ValueError, match="expected I/N"):
        parse_shard(text)
    assert parse_shard("2/3") == Shard(2, 3)
