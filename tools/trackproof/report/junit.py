"""The verdict as JUnit XML, which every CI server shows: a suite a task, a case a clause."""

from __future__ import annotations

import re

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite
from junitparser.junitparser import FinalResult

from trackproof.events.stream import Event
from trackproof.events.verdict import ClauseResult, TaskVerdict
from trackproof.events.verification import VerifyEnded
from trackproof.report.report_file import ReportFile

NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped."""


class JUnitFile(ReportFile):
    """Writes the file once the verdict is known."""

    def write(self, event: Event) -> None:
        """Write the verdict; all else is no business of this file's."""
        if isinstance(event, VerifyEnded):
            report = JUnitXml(_legible(event.fleet))
            for task in event.tasks:
                report.add_testsuite(_suite(task))
            report.update_statistics()  # type: ignore[no-untyped-call]
            report.write(str(self._path), pretty=True)


def _suite(task: TaskVerdict) -> TestSuite:
    suite = TestSuite(task.name)
    suite.add_testcases([_case(clause) for clause in task.clauses])
    return suite


def _case(clause: ClauseResult) -> TestCase:
    case = TestCase(clause.id, classname=f"trackproof.{clause.task}", time=clause.seconds)
    case.result = [kind] if (kind := _result(clause)) else []
    return case


def _result(clause: ClauseResult) -> FinalResult | None:
    match clause.status:
        case "passed":
            return None
        case "failed":
            made: FinalResult = Failure(_legible(clause.observed), "clause")
        case "error":
            made = Error(_legible(clause.observed), "suite")
        case "deviates":
            made = Skipped(_legible(f"deviates as agreed: {clause.observed}"), "deviation")
        case "skipped":
            made = Skipped(_legible(clause.observed), "skipped")
    made.text = _legible(_told(clause))
    return made


def _told(clause: ClauseResult) -> str:
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
    if clause.failure:
        lines.append(f"replay: trackproof replay {clause.failure}")
    return "\n".join(line for line in lines if line)


def _legible(text: str) -> str:
    return NOT_IN_XML.sub(lambda found: f"\\x{ord(found.group()):02x}", text)
