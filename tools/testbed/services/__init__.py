"""Stand-ins: served fakes of the outside services a fleet calls. See docs/stand-ins.md."""

from tools.testbed.services.credentials import Credentials
from tools.testbed.services.daily import DailyParticipant, DailyRecording, DailyTrack
from tools.testbed.services.faults import Fault
from tools.testbed.services.inprocess import InProcessStandIns
from tools.testbed.services.ledger import Ledger, Request
from tools.testbed.services.modal import Heard, UnhearableError
from tools.testbed.services.serving import ServedStandIns
from tools.testbed.services.stand_ins import TRACER_WORDS, StandIns
from tools.testbed.services.webhook import SignatureError, sign, verify_signature
from tools.testbed.services.zulip import ZulipMessage

__all__ = [
    "TRACER_WORDS",
    "Credentials",
    "DailyParticipant",
    "DailyRecording",
    "DailyTrack",
    "Fault",
    "Heard",
    "InProcessStandIns",
    "Ledger",
    "Request",
    "ServedStandIns",
    "SignatureError",
    "StandIns",
    "UnhearableError",
    "ZulipMessage",
    "sign",
    "verify_signature",
]
