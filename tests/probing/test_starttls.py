"""Servers that follow a script before TLS, and then carry on to a real one, or do not."""

import asyncio
import random
import socket
from dataclasses import dataclass

import pytest

from ocsp_exporter.demo.authority import Authority
from ocsp_exporter.demo.endpoints import Endpoint
from ocsp_exporter.demo.listening import listen
from ocsp_exporter.model import (
    Failure,
    Module,
    Phase,
    ProbeFailed,
    ProbeResult,
    StartTLS,
    Status,
    Target,
    TLSSettings,
)
from ocsp_exporter.probing.handshake import Hello, shake_hands
from ocsp_exporter.probing.probe import Prober
from ocsp_exporter.probing.starttls import PROTOCOLS
from tests.probing.dialogues import DIALOGUES, Dialogue, Refusal
from tests.probing.scripted import (
    HOST,
    End,
    Script,
    answer_in_clear,
    carry_on_to_tls,
    hang_up,
    listen_to_the_end,
    say_for_ever,
    serve,
)

NOW = 1_800_000_000
AUTHORITY = Authority.root(NOW).intermediate()
LEAF = AUTHORITY.leaf()
ENDPOINT = Endpoint(LEAF, staple=lambda: AUTHORITY.answer(LEAF))
NOISE = random.Random(4).randbytes(100_000)  # noqa: S311 -- noise that is the same in every run


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """A way to spoil any dialogue: at its first turn in which the server speaks, or after its last one."""

    name: str
    failure: Failure
    detail: str = ""
    patience: float = 10.0


INJECTED = Misbehaviour("injected", Failure.STARTTLS, "the server goes on in clear where TLS has to start: ")
TALKS_ON = Misbehaviour("talks on in clear", Failure.STARTTLS, "is not TLS; it begins with b'500 What")
CLOSES = Misbehaviour("closes", Failure.STARTTLS, "the server closed the connection before TLS")
LATE = Misbehaviour("answers after the timeout", Failure.TIMEOUT, " did not end in time", patience=0.5)
ENDLESS = Misbehaviour("banner without end", Failure.STARTTLS)
HUGE = Misbehaviour("line of 10 MB", Failure.STARTTLS)
BINARY = Misbehaviour("binary noise", Failure.STARTTLS)
MISBEHAVIOURS = (INJECTED, TALKS_ON, CLOSES, LATE, ENDLESS, HUGE, BINARY)

by_protocol = pytest.mark.parametrize("dialogue", DIALOGUES, ids=lambda dialogue: dialogue.protocol.value)


async def probe(script: Script, module: Module) -> ProbeResult:
    """Look once at a server that follows the script."""
    prober = Prober(clock=lambda: NOW)
    try:
        async with serve(script, ENDPOINT) as port:
            [result] = await prober.probe(Target(f"{HOST}:{port}", HOST, port), module)
            return result
    finally:
        prober.close()


async def good(dialogue: Dialogue, turns: tuple[tuple[bytes, bytes], ...]) -> None:
    """Hold that the turns lead to a staple, and that our client says what is written down."""
    script = Script(turns, carry_on_to_tls)
    result = await probe(script, Module("m", starttls=dialogue.protocol))
    assert result.findings is not None, result.detail
    assert [evidence.status for evidence in result.findings.evidence] == [Status.GOOD]
    assert list(result.phases) == [Phase.RESOLVE, Phase.CONNECT, Phase.STARTTLS, Phase.HANDSHAKE]
    assert script.heard == [hears for _, hears in turns]


async def bad(script: Script, dialogue: Dialogue, patience: float = 10.0) -> ProbeResult:
    """Look at a server that does not come to TLS."""
    result = await probe(script, Module("m", timeout=patience, starttls=dialogue.protocol))
    assert result.findings is None
    assert Phase.STARTTLS in result.phases
    return result


def test_every_protocol_has_a_dialogue() -> None:
    """Each way to start TLS in clear has its coroutine and its row."""
    protocols = [each for each in StartTLS if each is not StartTLS.NONE]
    assert list(PROTOCOLS) == protocols
    assert [dialogue.protocol for dialogue in DIALOGUES] == protocols


@by_protocol
async def test_the_dialogue_leads_to_tls(dialogue: Dialogue) -> None:
    """Behind the words of the protocol comes TLS with its staple."""
    await good(dialogue, dialogue.turns)


@pytest.mark.parametrize(
    ("dialogue", "turn", "says"),
    [
        pytest.param(dialogue, turn, says, id=f"{dialogue.protocol}-{number}")
        for dialogue in DIALOGUES
        for number, (turn, says) in enumerate(dialogue.variants)
    ],
)
async def test_the_same_in_other_words(dialogue: Dialogue, turn: int, says: bytes) -> None:
    """What the protocol allows a server to say leads to TLS too."""
    turns = dialogue.turns
    await good(dialogue, (*turns[:turn], (says, turns[turn][1]), *turns[turn + 1 :]))


@pytest.mark.parametrize(
    ("dialogue", "refusal"),
    [
        pytest.param(dialogue, refusal, id=f"{dialogue.protocol}-{number}")
        for dialogue in DIALOGUES
        for number, refusal in enumerate(dialogue.refusals)
    ],
)
async def test_a_server_that_does_not_agree(dialogue: Dialogue, refusal: Refusal) -> None:
    """It is the failure starttls with the server's words for people; the client leaves politely."""
    await good(dialogue, dialogue.turns)
    script = Script((*dialogue.turns[: refusal.turn], (refusal.says, b"")), listen_to_the_end)
    result = await bad(script, dialogue)
    assert result.failure is Failure.STARTTLS
    assert refusal.detail in result.detail
    assert len(result.detail) < 250
    assert result.detail.isprintable()
    assert script.rest == refusal.goodbye


@pytest.mark.parametrize("misbehaviour", MISBEHAVIOURS, ids=lambda each: each.name)
@by_protocol
async def test_a_server_that_misbehaves(dialogue: Dialogue, misbehaviour: Misbehaviour) -> None:
    """Whatever a server does in place of the good dialogue, the probe ends within its bounds and says what it was."""
    await good(dialogue, dialogue.turns)
    turns, end = spoilt(dialogue, misbehaviour)
    result = await bad(Script(turns, end), dialogue, misbehaviour.patience)
    assert (result.failure, misbehaviour.detail in result.detail) == (misbehaviour.failure, True), result.detail
    assert len(result.detail) < 250


def spoilt(dialogue: Dialogue, misbehaviour: Misbehaviour) -> tuple[tuple[tuple[bytes, bytes], ...], End]:
    """Give the turns that are left of a dialogue, and how it ends."""
    *before, (go_ahead, answer) = dialogue.turns
    speaks = next(index for index, (says, _) in enumerate(dialogue.turns) if says)
    first = dialogue.turns[:speaks]
    ends = {
        INJECTED: ((*before, (go_ahead + b"\x16\x03\x03", b"")), listen_to_the_end),
        TALKS_ON: ((*before, (go_ahead, answer)), answer_in_clear),
        CLOSES: (tuple(before), hang_up),
        LATE: (tuple(before), listen_to_the_end),
        ENDLESS: (first, say_for_ever(b"", dialogue.endless * 1000)),
        HUGE: ((*first, (dialogue.huge + b"x" * 10_000_000 + b"\r\n", b"")), listen_to_the_end),
        BINARY: ((*first, (NOISE, b"")), listen_to_the_end),
    }
    return ends[misbehaviour]


async def test_a_server_whose_info_has_no_tls() -> None:
    """A NATS server that says that it has no TLS is no TLS endpoint, and no ClientHello is sent to it."""
    for info in (b"{}", b'{"tls_required":false}', b'{"tls_required":"true","tls_available":1}'):
        script = Script(((b"INFO " + info + b"\r\n", b""),), listen_to_the_end)
        result = await probe(script, Module("nats", starttls=StartTLS.NATS))
        assert result.failure is Failure.NOT_TLS
        assert result.detail == "the server's INFO says neither tls_required nor tls_available"
        assert script.rest == b""


async def test_a_dot_at_the_end_of_a_name_is_not_said() -> None:
    """An XMPP server is named without it (RFC 7622, section 3.2), as in SNI."""
    [xmpp] = [dialogue for dialogue in DIALOGUES if dialogue.protocol is StartTLS.XMPP_CLIENT]
    turns = tuple((says, hears.replace(b"to='127.0.0.1'", b"to='chat.example'")) for says, hears in xmpp.turns)
    for name in ("chat.example", "chat.example."):
        script = Script(turns, carry_on_to_tls)
        result = await probe(script, Module("m", starttls=StartTLS.XMPP_CLIENT, server_name=name))
        assert result.findings is not None, result.detail
        assert script.heard == [hears for _, hears in turns]


async def test_the_scheme_of_a_target_overrides_its_module() -> None:
    """A target that names its own protocol is spoken to in that, whatever its module says."""
    [pop3] = [dialogue for dialogue in DIALOGUES if dialogue.protocol is StartTLS.POP3]
    prober = Prober(clock=lambda: NOW)
    for module in (Module("smtp", starttls=StartTLS.SMTP), Module("tls")):
        async with serve(Script(pop3.turns, carry_on_to_tls), ENDPOINT) as port:
            [result] = await prober.probe(Target("pop3://a", HOST, port, StartTLS.POP3), module)
        assert result.findings is not None, result.detail
    async with serve(Script((), carry_on_to_tls), ENDPOINT) as port:
        [result] = await prober.probe(Target("tls://a", HOST, port, StartTLS.NONE), Module("m", starttls=StartTLS.SMTP))
    assert result.findings is not None, result.detail
    assert Phase.STARTTLS not in result.phases
    prober.close()


async def test_a_server_that_speaks_first_where_tls_is_expected() -> None:
    """Its words may be there before the ClientHello, or come after it: both times it is no TLS endpoint."""
    banner = b"220 mx.example ESMTP\r\n"
    with listen(HOST) as listener, socket.create_connection(listener.getsockname()) as client:
        server, _ = listener.accept()
        with server:
            server.sendall(banner)
            assert client.recv(1, socket.MSG_PEEK)
            client.setblocking(False)
            with pytest.raises(ProbeFailed) as first:
                await shake_hands(client, Hello(HOST, TLSSettings()), asyncio.get_running_loop().time() + 5)
    later = await probe(Script(((b"", b"\x16"), (banner, b"")), listen_to_the_end), Module("tls"))
    assert (first.value.failure, later.failure) == (Failure.NOT_TLS, Failure.NOT_TLS)
    assert "it begins with b'220 mx" in first.value.detail
    assert "it begins with b'220 mx" in later.detail
