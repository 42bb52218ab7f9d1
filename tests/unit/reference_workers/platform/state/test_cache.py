from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from reference_workers.errors import TransientError
from reference_workers.platform.state import leases
from reference_workers.platform.state.cache import Cache, key_of
from reference_workers.platform.state.models import CacheEntry, Lease
from reference_workers.platform.state.repository import State
from tests.unit.trackproof.cli.test_run import trackproof

WORKERS = 6


def cache_of(state: State, **limits: Any) -> Cache:
    return Cache(state, **{"max_bytes": 10_000, "max_age_seconds": 3600, **limits})


@pytest.fixture
def cache(state: State) -> Cache:
    return cache_of(state)


def remember(cache: Cache, question: str, answer: Any = "yes", *, patience: float = 20) -> Any:
    return cache.remembered("generate_title", [question], lambda: answer, patience=patience)


def keys(state: State) -> set[str]:
    with state.reads() as session:
        return set(session.scalars(select(CacheEntry.key)))


def held_leases(state: State) -> list[str]:
    with state.reads() as session:
        return list(session.scalars(select(Lease.name)))


def never() -> Any:
    raise AssertionError("asked again")


def test_the_same_question_is_asked_once(cache: Cache, state: State) -> None:
    assert remember(cache, "title?", {"title": "Budget"}) == {"title": "Budget"}

    again = cache_of(state).remembered("generate_title", ["title?"], never, patience=1)

    assert again == {"title": "Budget"}
    assert held_leases(state) == []


def test_another_question_is_another_answer(cache: Cache) -> None:
    remember(cache, "title?", 1)

    assert remember(cache, "title!", 2) == 2
    assert cache.remembered("detect_topics", ["title?"], lambda: 3, patience=1) == 3


def test_a_failure_is_not_remembered_and_lets_the_next_one_ask(cache: Cache, state: State) -> None:
    def failing() -> Any:
        raise TransientError("answered 503")

    with pytest.raises(TransientError, match="answered 503"):
        cache.remembered("generate_title", ["title?"], failing, patience=1)

    assert held_leases(state) == []
    assert remember(cache, "title?") == "yes"


def test_of_many_threads_one_asks_and_the_others_get_its_answer(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    waiting: set[str] = set()
    all_others_wait = threading.Event()
    take = leases.take

    def noted(state: State, name: str, owner: str, *, seconds: float) -> bool:
        taken = take(state, name, owner, seconds=seconds)
        if not taken:
            waiting.add(owner)
        if len(waiting) == WORKERS - 1:
            all_others_wait.set()
        return taken

    monkeypatch.setattr(leases, "take", noted)

    def ask(number: int) -> Any:
        def answer() -> int:
            calls.append(number)
            assert all_others_wait.wait(30)
            return number

        return cache_of(state).remembered("generate_title", ["title?"], answer, patience=30)

    with ThreadPoolExecutor(WORKERS) as pool:
        answers = list(pool.map(ask, range(WORKERS)))

    assert len(calls) == 1
    assert set(answers) == set(calls)


ASKS = """
import sys
from contextlib import closing
from reference_workers.platform.state.cache import Cache
from reference_workers.platform.state.repository import State

url, log = sys.argv[1:]
def answer():
    with open(log, "a") as file:
        file.write("asked\\n")
    sys.stdin.readline()  # held until the test has seen the other process wait
    return "yes"
with closing(State(url)) as state:
    cache = Cache(state, max_bytes=10_000, max_age_seconds=3600)
    print("ready", flush=True)
    print(cache.remembered("generate_title", ["title?"], answer, patience=60), flush=True)
"""


def test_of_two_processes_one_asks(state: State, tmp_path: Path) -> None:
    log = tmp_path / "asked.log"
    url = state.engine.url.render_as_string(hide_password=False)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", ASKS, url, str(log)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=60)[0] for process in running]

    assert outputs == ["yes\n", "yes\n"]
    assert log.read_text() == "asked\n"


def test_who_waits_takes_over_from_one_that_died(state: State) -> None:
    leases.take(state, f"cache/{key_of('generate_title', ['title?'])}", "dead", seconds=0.2)

    assert remember(cache_of(state), "title?") == "yes"


def test_who_asks_for_long_is_not_overtaken(state: State) -> None:
    quick = cache_of(state, lease_seconds=1.5)  # renewed every 0.5 s
    asked = threading.Event()
    answered = threading.Event()

    def slow() -> str:
        asked.set()
        answered.wait(30)
        return "slow"

    def first() -> Any:
        return quick.remembered("generate_title", ["title?"], slow, patience=30)

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(first)
        asked.wait(30)
        with pytest.raises(TransientError, match="asks the same"):
            quick.remembered("generate_title", ["title?"], never, patience=5.0)
        answered.set()
        assert answer.result() == "slow"


def test_old_answers_are_asked_for_anew_and_cleared_away(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = cache_of(state, max_age_seconds=60)
    remember(cache, "title?", "old")
    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)

    assert remember(cache, "title?", "new") == "new"
    assert remember(cache, "other?", "new") == "new"
    assert len(keys(state)) == 2


def test_the_oldest_go_when_there_is_too_much(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = cache_of(state, max_bytes=100)
    began = time.time()
    for number in range(5):
        monkeypatch.setattr(time, "time", lambda n=number: began + n)
        remember(cache, f"question {number}", "x" * 38)  # 40 bytes as JSON

    kept = {key_of("generate_title", [f"question {number}"]) for number in (3, 4)}
    assert keys(state) == kept


def test_what_is_larger_than_the_cache_is_not_kept_and_pushes_nothing_out(state: State) -> None:
    cache = cache_of(state, max_bytes=100)
    remember(cache, "small?", "x")

    assert remember(cache, "large?", "x" * 200) == "x" * 200
    assert keys(state) == {key_of("generate_title", ["small?"])}


@pytest.mark.parametrize("limit", ["max_bytes", "max_age_seconds"])
def test_a_limit_of_0_remembers_nothing(state: State, limit: str) -> None:
    cache = cache_of(state, **{limit: 0})

    assert [remember(cache, "title?", n) for n in range(2)] == [0, 1]
    assert keys(state) == set()


def test_an_answer_that_cannot_be_stored_is_not_lost(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = cache_of(state)

    def full(*_: object) -> None:
        raise TransientError("database: no space left")

    monkeypatch.setattr(cache, "_store", full)

    assert remember(cache, "title?") == "yes"


def test_trackproof_counts_and_clears_what_the_fleet_remembers(
    cache: Cache, state: State, each_database_url: str
) -> None:
    for question in ("title?", "title, please?"):
        remember(cache, question)
    told = ("--database", each_database_url)

    code, counted = trackproof("cache", "stats", *told)

    assert code == 0
    assert ["generate_title", "2"] in [line.split()[:2] for line in counted.splitlines()]
    assert trackproof("cache", "clear", *told) == (0, "2 answers deleted\n")
    assert keys(state) == set()


@given(
    one=st.tuples(st.text(), st.lists(st.text())), other=st.tuples(st.text(), st.lists(st.text()))
)
def test_no_two_questions_share_a_key(
    one: tuple[str, list[str]], other: tuple[str, list[str]]
) -> None:
    assert (key_of(*one) == key_of(*other)) == (one == other)


def test_the_table_is_there_after_migrating(empty_state: State) -> None:
    empty_state.migrate()

    with closing(empty_state):
        assert keys(empty_state) == set()
