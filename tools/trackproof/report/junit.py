"""JUnit XML report: one test suite for each task, one test case for each clause."""

from __future__ import annotations

import io
import re
from importlib.metadata import version
from pathlib import Path

from junitparser import Attr, Error, Failure, IntAttr, JUnitXml, Skipped, TestCase, TestSuite
from junitparser.junitparser import FinalResult

from trackproof.contracts.compat.release_document import working_version
from trackproof.contracts.load import ROOT
from trackproof.events.stream import Event
from trackproof.events.verdict import ClauseResult, TaskVerdict
from trackproof.events.verification import VerifyEnded
from trackproof.report.output import ReportFile, write_text
from trackproof.suite.plugin import CLAUSES

FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 forbids, even escaped."""


class JUnitFile(ReportFile):
    """Writes the file when the verification ends."""

    def write(self, event: Event) -> None:
        """Write the file on `VerifyEnded`; ignore other events."""
        if isinstance(event, VerifyEnded):
            report = JUnitXml(_xml_text(event.fleet))
            for task in event.tasks:
                suite = _suite(task)
                for name, value in _properties(event).items():
                    suite.add_property(name, _xml_text(value))
                report.add_testsuite(suite)
            if event.interrupted:
                report.add_testsuite(_early_end(event.interrupted))
            report.update_statistics()  # type: ignore[no-untyped-call]
            content = io.BytesIO()
            report.write(content, pretty=True)
            text = content.getvalue().decode("utf-8")
            write_text(self._path, text, complete=not event.interrupted)


def _properties(ended: VerifyEnded) -> dict[str, str]:
    """Return what was judged, by which versions."""
    return {
        "fleet": ended.fleet,
        "trackproof": version("trackproof"),
        "contracts": working_version(ROOT),
        "conductor": f"{ended.version} ({ended.backend})",
        **({"scope": ended.scope} if ended.scope else {}),
    }


def _early_end(reason: str) -> TestSuite:
    """Return a suite with one error: why the verification did not run to its end."""
    case = TestCase("verification", classname="trackproof")
    first_line = reason.partition("\n")[0]
    error = Error(_xml_text(first_line), "interrupted")
    error.text = _xml_text(reason)
    case.result = [error]
    suite = TestSuite("trackproof")
    suite.add_testcase(case)
    return suite


class _Case(TestCase):
    """A test case with the place of its test, to which GitLab and others link."""

    file = Attr()
    line = IntAttr()


def _suite(task: TaskVerdict) -> TestSuite:
    suite = TestSuite(task.name)
    suite.add_testcases([_case(clause) for clause in task.clauses])
    return suite


def _case(clause: ClauseResult) -> TestCase:
    case = _Case(clause.id, classname=f"trackproof.{clause.task}", time=clause.seconds)
    case.result = [result] if (result := _result(clause)) else []
    if clause.status != "passed" and (file := CLAUSES / clause.test.partition("::")[0]).is_file():
        case.file, case.line = str(file), clause.line + 1
    return case


def _result(clause: ClauseResult) -> FinalResult | None:
    match clause.status:
        case "passed":
            return None
        case "failed" | "unsteady":
            result: FinalResult = Failure(_xml_text(_message(clause)), clause.status)
        case "error":
            result = Error(_xml_text(clause.observed), "suite")
        case "deviates":
            result = Skipped(_xml_text(f"accepted deviation: {clause.observed}"), "deviation")
        case "skipped":
            result = Error(_xml_text(clause.observed), "skipped without a declaration")
        case "not_visible":
            result = Skipped(_xml_text(f"not visible: {clause.observed}"), "not_visible")
    result.text = _xml_text(_details(clause))
    return result


def _message(clause: ClauseResult) -> str:
    audio = f"; audio in {Path(clause.audio[0]).parent}" if clause.audio else ""
    return f"expected {clause.expected}; observed {clause.observed}{audio}"


def _details(clause: ClauseResult) -> str:
    lines = [
        f"{clause.text} ({clause.seed})",
        f"expected: {clause.expected}",
        f"observed: {clause.observed}",
    ]
    for exchange in clause.exchanges:
        statuses = ", ".join(exchange.statuses)
        lines += [
            f"sent to {exchange.task}: {exchange.sent}",
            f"received: {exchange.received} ({statuses}) {exchange.reason}".rstrip(),
        ]
    lines += [f"also failed: {other}" for other in clause.also]
    lines += [f"audio: {path}" for path in clause.audio]
    lines += [clause.difference, clause.log, f"repeat: {clause.repeat}"]
    if clause.replay:
        lines.append(f"replay: {clause.replay}")
    return "\n".join(line for line in lines if line)


def _xml_text(text: str) -> str:
    return FORBIDDEN.sub(lambda match: f"\\x{ord(match.group()):02x}", text)
