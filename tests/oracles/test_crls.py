"""Our verdicts on CRLs beside those of OpenSSL, on every scenario and its twin."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.oracles.crls import DIFFERENCES, NOW, Question, ask, opinion_of, questions
from tests.oracles.differences import VERSIONS
from tests.oracles.questions import Opinion, command, output_of
from tests.scenarios.crl_material import judged

QUESTIONS = {question.name: question for question in questions()}


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory, counts: list[str]) -> Mapping[str, Opinion]:
    """Return OpenSSL's opinion on each question, asked some at a time."""
    command("openssl")
    folder = tmp_path_factory.mktemp("crls")

    def put(numbered: tuple[int, Question]) -> Opinion:
        number, question = numbered
        own = folder / str(number)
        own.mkdir()
        return ask(question, own)

    with ThreadPoolExecutor(3) as pool:
        answers = dict(zip(QUESTIONS, pool.map(put, enumerate(QUESTIONS.values())), strict=True))
    agreements = sum(_ours(name).level is opinion.level for name, opinion in answers.items())
    counts.append(
        f"openssl: {len(answers)} verdicts on CRLs compared, {agreements} agree, {len(DIFFERENCES)} differences listed"
    )
    return answers


def _ours(name: str) -> Opinion:
    question = QUESTIONS[name]
    return opinion_of(judged(question.crl, question.subject, NOW))


@pytest.mark.parametrize("name", QUESTIONS)
def test_openssl_agrees_or_differs_as_listed(name: str, theirs: Mapping[str, Opinion]) -> None:
    """OpenSSL comes to the same verdict, or to the one that is listed with its reason."""
    ours, listed = _ours(name), DIFFERENCES.get(name)
    if listed is None:
        assert ours.level is theirs[name].level, "openssl differs, which is not listed"
        return
    if ours.level is theirs[name].level and not output_of(command("openssl"), "version").startswith(
        VERSIONS["openssl"]
    ):
        pytest.skip("this openssl is not the one that was found to differ, and agrees")
    assert ours.level is not theirs[name].level, f"openssl agrees, though a difference is listed: {listed.why}"
    assert listed.theirs is theirs[name].level


def test_every_listed_difference_is_about_a_scenario_and_gives_its_source() -> None:
    """A row names a scenario that exists, and the section that its reason rests on."""
    for name, listed in DIFFERENCES.items():
        assert name in QUESTIONS
        assert "(RFC " in listed.why
