from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.unit.trackproof.testbed.stand_ins.transports import Caller
from trackproof.testbed.stand_ins import StandIns


class Bot:
    """Calls Zulip with valid credentials."""

    def __init__(self, stand_ins: StandIns, caller: Caller) -> None:
        self._caller = caller
        self._auth = (stand_ins.credentials.zulip_email, stand_ins.credentials.zulip_key)

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self._caller.call("zulip", method, path, auth=self._auth, **options)

    def post(self, text: str, **fields: str) -> httpx.Response:
        form = {"type": "stream", "to": "meetings", "topic": "Standup", "content": text}
        return self.call("POST", "/api/v1/messages", data={**form, **fields})


@pytest.fixture
def bot(stand_ins: StandIns, caller: Caller) -> Bot:
    return Bot(stand_ins, caller)


def test_posted_message_is_readable_by_python_and_over_api(stand_ins: StandIns, bot: Bot) -> None:
    posted = bot.post("Überblick: 1 + 1 = 2 & so on")

    assert posted.json() == {"result": "success", "msg": "", "id": posted.json()["id"]}
    (message,) = stand_ins.zulip.messages(stream="meetings", topic="Standup")
    assert (message.id, message.content) == (posted.json()["id"], "Überblick: 1 + 1 = 2 & so on")
    shown = bot.call("GET", f"/api/v1/messages/{message.id}").json()
    assert shown["raw_content"] == message.content
    assert shown["message"]["subject"] == "Standup"


def test_message_ids_are_unique(stand_ins: StandIns, bot: Bot) -> None:
    first, second = bot.post("one").json()["id"], bot.post("two").json()["id"]

    assert second > first
    assert [message.content for message in stand_ins.zulip.messages()] == ["one", "two"]


def test_edit_keeps_the_earlier_version(stand_ins: StandIns, bot: Bot) -> None:
    message_id = bot.post("draft").json()["id"]

    answer = bot.call("PATCH", f"/api/v1/messages/{message_id}", data={"content": "final"})

    assert answer.json() == {"result": "success", "msg": ""}
    message = stand_ins.zulip.message(message_id)
    assert message is not None
    assert (message.topic, message.content) == ("Standup", "final")
    assert message.earlier == (("Standup", "draft"),)


@pytest.mark.parametrize("over_api", [True, False])
def test_deleted_message_cannot_be_edited(stand_ins: StandIns, bot: Bot, over_api: bool) -> None:
    message_id = bot.post("draft").json()["id"]
    if over_api:
        assert bot.call("DELETE", f"/api/v1/messages/{message_id}").status_code == 200
    else:
        stand_ins.zulip.delete(message_id)

    answer = bot.call("PATCH", f"/api/v1/messages/{message_id}", data={"content": "final"})

    assert answer.status_code == 400
    assert answer.json() == {
        "result": "error",
        "msg": "Invalid message(s)",
        "code": "BAD_REQUEST",
    }


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_unknown_message_is_invalid(bot: Bot, method: str) -> None:
    assert bot.call(method, "/api/v1/messages/7").json()["msg"] == "Invalid message(s)"


def test_empty_edit_is_refused(bot: Bot) -> None:
    message_id = bot.post("draft").json()["id"]

    answer = bot.call("PATCH", f"/api/v1/messages/{message_id}", data={})

    assert (answer.status_code, answer.json()["msg"]) == (400, "Nothing to change")


@pytest.mark.parametrize("field", ["type", "to", "content"])
def test_missing_field_is_refused(bot: Bot, field: str) -> None:
    answer = bot.post("hello", **{field: ""})

    assert answer.status_code == 400
    assert answer.json()["msg"] == f"Missing '{field}' argument"


def test_direct_message_is_refused(bot: Bot) -> None:
    assert bot.post("hello", type="direct").json()["msg"] == "Invalid type"


@pytest.mark.parametrize("auth", [None, ("someone@zulip.test", "key")])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/messages"),
        ("PATCH", "/api/v1/messages/481000001"),
        ("GET", "/api/v1/messages/481000001"),
        ("DELETE", "/api/v1/messages/481000001"),
    ],
)
def test_missing_or_wrong_credentials_are_refused(
    stand_ins: StandIns, caller: Caller, auth: tuple[str, str] | None, method: str, path: str
) -> None:
    answer = caller.call("zulip", method, path, auth=auth)

    assert answer.status_code == 401
    assert answer.json()["result"] == "error"
    assert stand_ins.zulip.messages() == []


def test_malformed_credentials_are_refused(caller: Caller) -> None:
    answer = caller.call(
        "zulip", "POST", "/api/v1/messages", headers={"Authorization": "Basic %%%"}
    )

    assert answer.status_code == 401


def test_long_messages_and_topics_are_cut_off(stand_ins: StandIns, bot: Bot) -> None:
    bot.post("x" * 10_001, topic="y" * 61)

    (message,) = stand_ins.zulip.messages()
    assert len(message.content) == 10_000
    assert message.content.endswith("x\n[message truncated]")
    assert message.topic == "y" * 57 + "..."


def found(bot: Bot, *narrow: dict[str, Any], **query: Any) -> list[str]:
    window = {"anchor": "newest", "num_before": 100, "num_after": 0, **query}
    answer = bot.call(
        "GET", "/api/v1/messages", params={**window, "narrow": json.dumps(list(narrow))}
    )
    return [message["content"] for message in answer.json()["messages"]]


def term(operator: str, operand: str, **more: Any) -> dict[str, Any]:
    return {"operator": operator, "operand": operand, **more}


def test_messages_are_found_by_stream_topic_and_sender(stand_ins: StandIns, bot: Bot) -> None:
    bot.post("one")
    bot.post("two", topic="Retro")
    bot.post("three", to="other")
    email = stand_ins.credentials.zulip_email

    assert found(bot) == ["one", "two", "three"]
    assert found(bot, term("stream", "Meetings"), term("sender", email)) == ["one", "two"]
    assert found(bot, term("channel", "meetings"), term("topic", "retro")) == ["two"]
    assert found(bot, term("topic", "Retro", negated=True)) == ["one", "three"]
    assert found(bot, term("sender", "somebody@else")) == []


def test_a_search_is_a_window_around_its_anchor(bot: Bot) -> None:
    ids = [bot.post(text).json()["id"] for text in "abcd"]

    assert found(bot, num_before=2) == ["c", "d"]
    assert found(bot, anchor="oldest", num_before=0, num_after=3) == ["a", "b", "c"]
    assert found(bot, anchor=str(ids[1]), num_before=1, num_after=1) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"num_before": 1}, "Missing 'num_after' argument"),
        ({"num_before": 1, "num_after": 0, "narrow": "{"}, "Invalid narrow"),
        (
            {"num_before": 1, "num_after": 0, "narrow": '[["colour", "red"]]'},
            "Invalid narrow operator: unknown operator",
        ),
    ],
)
def test_a_malformed_search_is_refused(bot: Bot, query: dict[str, Any], message: str) -> None:
    answer = bot.call("GET", "/api/v1/messages", params=query)

    assert (answer.status_code, answer.json()["msg"]) == (400, message)
