"""Our verdicts beside those of two other implementations, on every scenario and its twin."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path

import pytest

from tests.oracles import gnutls, openssl
from tests.oracles.differences import DIFFERENCES, VERSIONS
from tests.oracles.questions import Opinion, Question, agree, command, opinion_of, output_of, questions
from tests.scenarios.table import SCENARIOS

NAMES = [f"{scenario.name}: {side}" for scenario in SCENARIOS for side in ("bad", "twin")]

Opinions = Mapping[str, tuple[Opinion, Opinion]]


def _asked(folder: Path, ask: Callable[[Question, Path], Opinion]) -> Opinions:
    """Put all questions to an oracle, some at a time, and to ourselves at the same time of day."""

    def put(numbered: tuple[int, Question]) -> Opinion:
        number, question = numbered
        own = folder / str(number)
        own.mkdir()
        return ask(question, own)

    asked = list(questions(time.time()))
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(put, enumerate(asked)))
    return {question.name: (_ours(question), theirs) for question, theirs in zip(asked, answers, strict=True)}


def _ours(question: Question) -> Opinion:
    return opinion_of(question.subject.judge(question.response, time.time()))


@pytest.fixture(scope="module")
def opinions(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Opinions]:
    """Return for each oracle and question our opinion and theirs."""
    for name in ("openssl", "ocsptool"):
        command(name)
    ask_gnutls = partial(gnutls.ask, now=time.time())
    return {
        "openssl": _asked(tmp_path_factory.mktemp("openssl"), openssl.ask),
        "gnutls": _asked(tmp_path_factory.mktemp("gnutls"), ask_gnutls),
    }


@pytest.fixture(scope="module", autouse=True)
def counted(opinions: Mapping[str, Opinions], counts: list[str]) -> None:
    """Tell the counts at the end of the run."""
    for oracle, answers in opinions.items():
        agreements = sum(agree(*both) for both in answers.values())
        listed = len(DIFFERENCES[oracle])
        counts.append(f"{oracle}: {len(answers)} verdicts compared, {agreements} agree, {listed} differences listed")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("oracle", DIFFERENCES)
def test_the_oracle_agrees_or_differs_as_listed(oracle: str, name: str, opinions: Mapping[str, Opinions]) -> None:
    """Another implementation comes to the same verdict, or to the one that is listed with its reason."""
    ours, theirs = opinions[oracle][name]
    listed = DIFFERENCES[oracle].get(name)
    if listed is None:
        assert agree(ours, theirs), f"{oracle} differs, which is not listed: {ours} {theirs}"
        return
    if agree(ours, theirs) and not _is_the_listed_version(oracle):
        pytest.skip(f"this {oracle} is not the one that was found to differ, and agrees")
    assert not agree(ours, theirs), f"{oracle} agrees, though a difference is listed: {listed.why}"
    assert listed.theirs is theirs.level


@cache
def _is_the_listed_version(oracle: str) -> bool:
    asked = {"openssl": ("openssl", "version"), "gnutls": ("ocsptool", "--version")}[oracle]
    return output_of(command(asked[0]), asked[1]).startswith(VERSIONS[oracle])


@pytest.mark.parametrize("oracle", DIFFERENCES)
def test_every_listed_difference_is_about_a_scenario_and_gives_its_source(oracle: str) -> None:
    """A row names a scenario that exists, and the section that its reason rests on."""
    for name, listed in DIFFERENCES[oracle].items():
        assert name in NAMES
        assert "(RFC " in listed.why
