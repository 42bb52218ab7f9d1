"""JUnit XML report: one test suite for each task, one test case for each clause."""

from __future__ import annotations

import re

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite
from junitparser.junitparser import FinalResult

from trackproof.events.stream import Event
from trackproof.events.verdict import ClauseResult, TaskVerdict
from trackproof.events.verification import VerifyEnded
from trackproof.report.output import ReportFile

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
                if event.scope:
                    suite.add_property("scope", event.scope)
                report.add_testsuite(suite)
            report.update_statistics()  # type: ignore[no-untyped-call]
            report.write(str(self._path), pretty=True)


def _suite(task: TaskVerdict) -> TestSuite:
    suite = TestSuite(task.name)
    suite.add_testcases([_case(clause) for clause in task.clauses])
    return suite


def _case(clause: ClauseResult) -> TestCase:
    case = TestCase(clause.id, classname=f"trackproof.{clause.task}", time=clause.seconds)
    case.result = [result] if (result := _result(clause)) else []
    return case


def _result(clause: ClauseResult) -> FinalResult | None:
    match clause.status:
        case "passed":
            return None
        case "failed":
            result: FinalResult = Failure(_xml_text(clause.observed), "clause")
        case "error":
            result = Error(_xml_text(clause.observed), "suite")
        case "deviates":
            result = Skipped(_xml_text(f"accepted deviation: {clause.observed}"), "deviation")
        case "skipped":
            result = Skipped(_xml_text(clause.observed), "skipped")
    result.text = _xml_text(_details(clause))
    return result


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
    lines += [clause.difference, clause.log, f"repeat: {clause.repeat}"]
    if clause.replay:
        lines.append(f"replay: {clause.replay}")
    return "\n".join(line for line in lines if line)


def _xml_text(text: str) -> str:
    return FORBIDDEN.sub(lambda match: f"\\x{ord(match.group()):02x}", text)
