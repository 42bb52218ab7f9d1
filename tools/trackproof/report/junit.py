"""JUnit XML reports: a suite for each task, a case for each clause; or a case for each check."""

from __future__ import annotations

import io
import re
from importlib.metadata import version

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite
from junitparser.junitparser import FinalResult

from trackproof.contracts.compat.release_document import working_version
from trackproof.contracts.load import ROOT
from trackproof.events.runs import Check, RunEnded
from trackproof.events.stream import Event
from trackproof.events.verdict import ClauseResult, TaskVerdict
from trackproof.events.verification import VerifyEnded
from trackproof.report.output import ReportFile, write_text

FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 forbids, even escaped."""


class JUnitFile(ReportFile):
    """Writes the file when the run or the verification ends."""

    def write(self, event: Event) -> None:
        """Write the file on the last event; ignore other events."""
        match event:
            case VerifyEnded():
                suites = [_suite(task) for task in event.tasks]
            case RunEnded():
                suites = [_run_suite(event)] if event.checks else []
            case _:
                return
        report = JUnitXml(_xml_text(event.fleet))
        for suite in suites:
            for name, value in _properties(event).items():
                suite.add_property(name, _xml_text(value))
            report.add_testsuite(suite)
        if event.interrupted:
            report.add_testsuite(_early_end(event))
        report.update_statistics()  # type: ignore[no-untyped-call]
        content = io.BytesIO()
        report.write(content, pretty=True)
        text = content.getvalue().decode("utf-8")
        write_text(self._path, text, complete=not event.interrupted)


def _properties(ended: VerifyEnded | RunEnded) -> dict[str, str]:
    """Return what was judged, by which versions."""
    more = {"scope": ended.scope} if isinstance(ended, VerifyEnded) and ended.scope else {}
    if isinstance(ended, RunEnded):
        more = {"workflow": ended.workflow_id}
    return {
        "fleet": ended.fleet,
        "trackproof": version("trackproof"),
        "contracts": working_version(ROOT),
        "conductor": f"{ended.version} ({ended.backend})",
        **more,
    }


def _early_end(ended: VerifyEnded | RunEnded) -> TestSuite:
    """Return a suite with one error: why it did not come to its end."""
    name = "verification" if isinstance(ended, VerifyEnded) else "run"
    case = TestCase(name, classname="trackproof", time=ended.seconds)
    first_line = ended.interrupted.partition("\n")[0]
    error = Error(_xml_text(first_line), "interrupted")
    error.text = _xml_text(ended.interrupted)
    case.result = [error]
    suite = TestSuite("trackproof")
    suite.add_testcase(case)
    return suite


def _suite(task: TaskVerdict) -> TestSuite:
    suite = TestSuite(task.name)
    suite.add_testcases([_case(clause) for clause in task.clauses])
    return suite


def _run_suite(ended: RunEnded) -> TestSuite:
    """Return a suite with one case for each check on a run's evidence."""
    suite = TestSuite("run")
    for check in ended.checks:
        case = TestCase(check.id, classname="trackproof.run")
        match check.status:
            case "failed":
                case.result = [Failure(_xml_text(check.detail), "failed")]
                case.result[0].text = _xml_text(_run_details(ended, check))
            case "not_visible":
                case.result = [Skipped(_xml_text(check.detail), "not_visible")]
            case "passed":
                pass
        suite.add_testcase(case)
    return suite


def _run_details(ended: RunEnded, check: Check) -> str:
    cause = ended.timeline.cause if ended.timeline else ""
    lines = [
        f"{check.id}: {check.detail}",
        f"workflow: {ended.workflow_id} {ended.status}",
        f"first cause: {cause}" if cause else "",
        "explain: trackproof explain --last",
    ]
    return "\n".join(line for line in lines if line)


def _case(clause: ClauseResult) -> TestCase:
    case = TestCase(clause.id, classname=f"trackproof.{clause.task}", time=clause.seconds)
    case.result = [result] if (result := _result(clause)) else []
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
    return f"expected {clause.expected}; observed {clause.observed}"


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
    lines += [clause.difference, clause.log, f"repeat: {clause.repeat}"]
    if clause.replay:
        lines.append(f"replay: {clause.replay}")
    return "\n".join(line for line in lines if line)


def _xml_text(text: str) -> str:
    return FORBIDDEN.sub(lambda match: f"\\x{ord(match.group()):02x}", text)
