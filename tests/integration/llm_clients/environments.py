"""Client libraries of the LLM stand-in, each version in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAMS = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Client:
    """One version of one library, and the program that asks through it."""

    name: str
    program: str
    packages: tuple[str, ...]
    least_forms: int
    """Forms that this version has at least."""
    refused: frozenset[str] = frozenset()
    """Forms whose schema refers to definitions that the library does not send."""


# The oldest versions are those that install and import on Python 3.11; older OpenAI clients need
# the httpx of their time, and older llama-index the client and the setuptools of its time.
CLIENTS = (
    Client("openai-newest", "ask_openai.py", ("openai",), 17),
    Client("openai-1.0.0", "ask_openai.py", ("openai==1.0.0", "httpx<0.28"), 6),
    Client("openai-0.27.0", "ask_openai_0.py", ("openai==0.27.0",), 5),
    Client("instructor-newest", "ask_instructor.py", ("instructor",), 23),
    Client(
        "instructor-1.0.0",
        "ask_instructor.py",
        ("instructor==1.0.0", "anthropic", "httpx<0.28"),
        15,
    ),
    Client(
        "instructor-0.4.0",
        "ask_instructor.py",
        ("instructor==0.4.0", "httpx<0.28"),
        6,
        frozenset({"json", "json_system", "json_iterable"}),
    ),
    Client("instructor-0.2.1", "ask_openai_0.py", ("instructor==0.2.1",), 6),
    Client("langchain-openai-newest", "ask_langchain.py", ("langchain-openai",), 19),
    Client(
        "langchain-openai-0.1.10",
        "ask_langchain.py",
        ("langchain-openai==0.1.10", "httpx<0.28"),
        12,
    ),
    Client(
        "langchain-openai-0.0.2", "ask_langchain.py", ("langchain-openai==0.0.2", "httpx<0.28"), 8
    ),
    Client(
        "llama-index-newest",
        "ask_llama_index.py",
        ("llama-index-core", "llama-index-llms-openai", "llama-index-llms-openai-like"),
        12,
    ),
    Client(
        "llama-index-0.10.1",
        "ask_llama_index.py",
        (
            *("llama-index-core==0.10.1", "llama-index-llms-openai==0.1.1"),
            *("openai<1.20", "httpx<0.28", "setuptools<80"),
        ),
        5,
    ),
)


def install(client: Client, folder: Path) -> Path:
    """Return the interpreter of a new environment with the client's packages."""
    uv = [sys.executable, "-m", "uv"]
    python = folder / "bin" / "python"
    for command in (
        ["venv", "--python", sys.executable, str(folder)],
        ["pip", "install", "--python", str(python), *client.packages],
    ):
        subprocess.run([*uv, *command, "--quiet"], check=True, timeout=240)
    return python


def ask_every_form(client: Client, python: Path, url: str, key: str) -> dict[str, Any]:
    """Run the client's program; return an answer or an error for each form."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    ended = subprocess.run(
        [python, PROGRAMS / client.program, url, key],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert ended.returncode == 0, ended.stderr
    results: dict[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
    return results
