from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from reference_workers.errors import TransientError
from reference_workers.platform.state import leases
from reference_workers.platform.state.cache import Cache, cache_key
from reference_workers.platform.state.models import CacheEntry, Lease
from reference_workers.platform.state.repository import State
from tests.unit.trackproof.cli.test_run import trackproof

WORKERS = 6


def cache_of(state: State, **limits: Any) -> Cache:
    return Cache(state, **{"max_bytes": 10_000, "max_age_seconds": 3600, **limits})


@pytest.fixture
def cache(state: State) -> Cache:
    return cache_of(state)


def cached(cache: Cache, identity: str, answer: Any = "yes", *, timeout: float = 20) -> Any:
    return cache.get_or_compute("generate_title", [identity], lambda: answer, timeout=timeout)


def keys(state: State) -> set[str]:
    with state.read_session() as session:
        return set(session.scalars(select(CacheEntry.key)))


def lease_names(state: State) -> list[str]:
    with state.read_session() as session:
        return list(session.scalars(select(Lease.name)))


def never() -> Any:
    raise AssertionError("computed again")


def test_an_answer_is_computed_once(cache: Cache, state: State) -> None:
    assert cached(cache, "title?", {"title": "Budget"}) == {"title": "Budget"}

    again = cache_of(state).get_or_compute("generate_title", ["title?"], never, timeout=1)

    assert again == {"title": "Budget"}
    assert lease_names(state) == []


def test_kind_and_identity_are_part_of_the_key(cache: Cache) -> None:
    cached(cache, "title?", 1)

    assert cached(cache, "title!", 2) == 2
    assert cache.get_or_compute("detect_topics", ["title?"], lambda: 3, timeout=1) == 3


def test_a_failure_is_not_cached(cache: Cache, state: State) -> None:
    def failing() -> Any:
        raise TransientError("answered 503")

    with pytest.raises(TransientError, match="answered 503"):
        cache.get_or_compute("generate_title", ["title?"], failing, timeout=1)

    assert lease_names(state) == []
    assert cached(cache, "title?") == "yes"


def test_concurrent_threads_share_one_request(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[int] = []
    waiting: set[str] = set()
    all_others_wait = threading.Event()
    acquire = leases.acquire

    def record(state: State, name: str, owner: str, *, seconds: float) -> bool:
        acquired = acquire(state, name, owner, seconds=seconds)
        if not acquired:
            waiting.add(owner)
        if len(waiting) == WORKERS - 1:
            all_others_wait.set()
        return acquired

    monkeypatch.setattr(leases, "acquire", record)

    def get(number: int) -> Any:
        def compute() -> int:
            computed.append(number)
            assert all_others_wait.wait(30)
            return number

        return cache_of(state).get_or_compute("generate_title", ["title?"], compute, timeout=30)

    with ThreadPoolExecutor(WORKERS) as pool:
        answers = list(pool.map(get, range(WORKERS)))

    assert len(computed) == 1
    assert set(answers) == set(computed)


PROCESS = """
import sys
from contextlib import closing
from reference_workers.platform.state.cache import Cache
from reference_workers.platform.state.repository import State

url, log = sys.argv[1:]
def answer():
    with open(log, "a") as file:
        file.write("computed\\n")
    sys.stdin.readline()  # until both processes are ready
    return "yes"
with closing(State(url)) as state:
    cache = Cache(state, max_bytes=10_000, max_age_seconds=3600)
    print("ready", flush=True)
    print(cache.get_or_compute("generate_title", ["title?"], answer, timeout=60), flush=True)
"""


def test_concurrent_processes_share_one_request(state: State, tmp_path: Path) -> None:
    log = tmp_path / "computed.log"
    url = state.engine.url.render_as_string(hide_password=False)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, url, str(log)],
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
    assert log.read_text() == "computed\n"


def test_a_waiter_takes_over_from_a_dead_worker(state: State) -> None:
    leases.acquire(state, f"cache/{cache_key('generate_title', ['title?'])}", "dead", seconds=0.2)

    assert cached(cache_of(state), "title?") == "yes"


def test_a_slow_worker_keeps_its_lease(state: State) -> None:
    quick = cache_of(state, lease_seconds=0.9)  # renewed every 0.3 s
    started = threading.Event()
    finish = threading.Event()

    def slow() -> str:
        started.set()
        finish.wait(30)
        return "slow"

    def first() -> Any:
        return quick.get_or_compute("generate_title", ["title?"], slow, timeout=30)

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(first)
        started.wait(30)
        with pytest.raises(TransientError, match="timed out waiting"):
            quick.get_or_compute("generate_title", ["title?"], never, timeout=2.0)
        finish.set()
        assert answer.result() == "slow"


def test_expired_answers_are_recomputed_and_deleted(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = cache_of(state, max_age_seconds=60)
    cached(cache, "title?", "old")
    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)

    assert cached(cache, "title?", "new") == "new"
    assert cached(cache, "other?", "new") == "new"
    assert len(keys(state)) == 2


def test_the_oldest_answers_are_evicted(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = cache_of(state, max_bytes=100)
    start = time.time()
    for number in range(5):
        monkeypatch.setattr(time, "time", lambda n=number: start + n)
        cached(cache, f"question {number}", "x" * 38)  # 40 bytes as JSON

    newest = {cache_key("generate_title", [f"question {number}"]) for number in (3, 4)}
    assert keys(state) == newest


def test_an_answer_larger_than_the_cache_is_not_stored(state: State) -> None:
    cache = cache_of(state, max_bytes=100)
    cached(cache, "small?", "x")

    assert cached(cache, "large?", "x" * 200) == "x" * 200
    assert keys(state) == {cache_key("generate_title", ["small?"])}


@pytest.mark.parametrize("limit", ["max_bytes", "max_age_seconds"])
def test_a_limit_of_0_disables_the_cache(state: State, limit: str) -> None:
    cache = cache_of(state, **{limit: 0})

    assert [cached(cache, "title?", n) for n in range(2)] == [0, 1]
    assert keys(state) == set()


def test_an_answer_that_cannot_be_stored_is_returned(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = cache_of(state)

    def full(*_: object) -> None:
        raise TransientError("database: no space left")

    monkeypatch.setattr(cache, "_store", full)

    assert cached(cache, "title?") == "yes"


def test_trackproof_counts_and_clears_cached_answers(
    cache: Cache, state: State, each_database_url: str
) -> None:
    for identity in ("title?", "title, please?"):
        cached(cache, identity)
    options = ("--database", each_database_url)

    code, counted = trackproof("cache", "stats", *options)

    assert code == 0
    assert ["generate_title", "2"] in [line.split()[:2] for line in counted.splitlines()]
    assert trackproof("cache", "clear", *options) == (0, "2 answers deleted\n")
    assert keys(state) == set()


@given(
    one=st.tuples(st.text(), st.lists(st.text())), other=st.tuples(st.text(), st.lists(st.text()))
)
def test_keys_are_unique(one: tuple[str, list[str]], other: tuple[str, list[str]]) -> None:
    assert (cache_key(*one) == cache_key(*other)) == (one == other)


def test_an_invalid_answer_is_not_stored_and_a_stored_one_is_replaced(
    cache: Cache, state: State
) -> None:
    def get(answer: Any) -> Any:
        return cache.get_or_compute(
            "detect_topics", ["q"], lambda: answer, accept=lambda value: value > 0, timeout=1
        )

    assert get(-1) == -1
    assert keys(state) == set()
    cache.get_or_compute("detect_topics", ["q"], lambda: -2, timeout=1)  # as without validation

    assert [get(3), get(4)] == [3, 3]
