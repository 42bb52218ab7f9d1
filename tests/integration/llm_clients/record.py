"""Records the requests of every client library: `python -m tests.integration.llm_clients.record`.

The unit tests of the stand-in answer the recorded requests, so that every run proves all forms.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from tests.integration.llm_clients.environments import CLIENTS, Client, ask_every_form, install
from trackproof.testbed.stand_ins import StandIns
from trackproof.testbed.stand_ins.llm_answers.sent_answers import answer_texts

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "tests" / "unit" / "trackproof" / "testbed" / "stand_ins" / "recorded_llm_requests"


def shape_of(response: bytes) -> Any:
    """Return the keys of each answer in JSON, or "prose"."""
    shapes = []
    for text in answer_texts(response):
        try:
            value = json.loads(text)
        except ValueError:
            return "prose"
        shapes.append(sorted(value))
    return shapes


def record(client: Client, python: Path) -> list[dict[str, Any]]:
    """Return a client's requests with the shapes of their answers, which it understood."""
    stand_ins = StandIns(tracers={"albatross", "bergamot"}, vocabulary={"budget", "launch"})
    with stand_ins.serve() as served:
        key = stand_ins.credentials.llm_key
        results = ask_every_form(client, python, f"{served.urls['llm']}/v1", key)
    recorded: list[dict[str, Any]] = []
    form = ""
    for request in stand_ins.ledger.requests("llm"):
        if "/form/" in request.path:
            form = request.path.rpartition("/")[2]
            continue
        answer = shape_of(request.response) if request.status == 200 else "refused"
        assert ("answer" in results[form]) == (request.status == 200), (client.name, form)
        recorded.append(
            {
                "form": form,
                "path": request.path.removeprefix("/v1"),
                "body": request.json,
                "answer": answer,
            }
        )
    return recorded


def main() -> None:
    """Write one file for each client; forms that ask alike are written once."""
    FOLDER.mkdir(exist_ok=True)
    seen: set[str] = set()
    for client in CLIENTS:
        with tempfile.TemporaryDirectory() as folder:
            recorded = record(client, install(client, Path(folder, "venv")))
        fresh = []
        for one in recorded:
            mark = json.dumps([one["path"], one["body"]], sort_keys=True)
            if mark not in seen:
                seen.add(mark)
                fresh.append(one)
        if not fresh:
            continue
        lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in fresh)
        (FOLDER / f"{client.name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
