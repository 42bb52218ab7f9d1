"""Messages that wait in a broker are readable, their body included."""

from __future__ import annotations

import base64
import json
from contextlib import closing
from pathlib import Path

import pytest

from trackproof.errors import TestbedError
from trackproof.testbed.brokers import waiting_messages

TASK = "task_pipeline_multitrack_process"


def test_a_folder_of_celery_shows_task_and_arguments(tmp_path: Path) -> None:
    celery = pytest.importorskip("celery")
    app = celery.Celery("legacy", broker="filesystem://localhost")
    folder = str(tmp_path)
    app.conf.broker_transport_options = {
        "data_folder_in": folder,
        "data_folder_out": folder,
        "control_folder": str(tmp_path / "control"),
    }
    with closing(app):
        app.send_task(TASK, kwargs={"track_keys": ["room/1-cam-audio-2"]})

    (message,) = waiting_messages(folder)
    assert TASK in message
    assert "room/1-cam-audio-2" in message


def test_a_folder_that_does_not_exist_has_no_messages(tmp_path: Path) -> None:
    assert waiting_messages(str(tmp_path / "queue")) == []


def test_what_is_no_message_of_celery_is_shown_as_it_is(tmp_path: Path) -> None:
    body = base64.b64encode(b"inside").decode()
    for number, text in enumerate(("plain", "[]", json.dumps({"body": body}), '{"body": 1}')):
        (tmp_path / str(number)).write_text(text)

    messages = waiting_messages(str(tmp_path))

    assert messages[0] == "plain"
    assert messages[2].endswith("\ninside")
    assert len(messages) == 4


def test_a_redis_that_does_not_answer_is_an_error() -> None:
    with pytest.raises(TestbedError, match="broker does not answer"):
        waiting_messages("redis://127.0.0.1:9/0")
