"""Runs every form of one library and prints what came back, as JSON.

Each program in this folder runs in an environment of its own: `python FILE URL KEY`. Before each
form it asks for `/form/NAME`, a path that is not served, so that the ledger shows which requests
belong to which form.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
import urllib.error
import urllib.request

URL, KEY = sys.argv[1:3]
MODEL = "gpt-4o"
PROMPT = "Ada: the albatross budget. Bob: the launch of Bergamot, and the budget."
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
FORMS = {}


class MissingFormError(Exception):
    """This version of the library has no such form."""


def form(function):
    """Add a form: a function that returns a model, a dict or a text."""
    FORMS[function.__name__] = function
    return function


def plain(value):
    """Return plain data for a model, or for a list of models."""
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    for name in ("model_dump", "dict"):
        if hasattr(value, name) and not isinstance(value, dict):
            return plain(getattr(value, name)())
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return value.value if hasattr(value, "value") else value


def main():
    os.environ.update(NO_PROXY="*", OPENAI_API_KEY=KEY)
    results = {}
    for name, function in FORMS.items():
        try:
            NO_PROXY.open(f"{URL}/form/{name}")
        except urllib.error.HTTPError as error:
            error.close()
        try:
            results[name] = {"answer": plain(function())}
        except MissingFormError:
            continue
        except Exception as error:
            if isinstance(error, TypeError) and "unexpected keyword argument" in str(error):
                continue
            text = "".join(traceback.format_exception_only(type(error), error))
            results[name] = {"error": text, "traceback": traceback.format_exc()}
    sys.stdout.write("\n" + json.dumps(results, default=str) + "\n")
