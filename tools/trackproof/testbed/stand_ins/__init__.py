"""Stand-ins: served fakes of the outside services a fleet calls. See docs/stand-ins.md."""

from trackproof.testbed.stand_ins.credentials import Credentials
from trackproof.testbed.stand_ins.faults import Fault
from trackproof.testbed.stand_ins.in_process import InProcessStandIns
from trackproof.testbed.stand_ins.ledger import Ledger, Request
from trackproof.testbed.stand_ins.server import ServedStandIns
from trackproof.testbed.stand_ins.services.daily import DailyParticipant, DailyRecording, DailyTrack
from trackproof.testbed.stand_ins.services.modal import TranscribedWord, UndecodableAudioError
from trackproof.testbed.stand_ins.services.webhook import SignatureError, sign, verify_signature
from trackproof.testbed.stand_ins.services.zulip import ZulipMessage
from trackproof.testbed.stand_ins.stand_ins import TRACER_WORDS, StandIns

__all__ = [
    "TRACER_WORDS",
    "Credentials",
    "DailyParticipant",
    "DailyRecording",
    "DailyTrack",
    "Fault",
    "InProcessStandIns",
    "Ledger",
    "Request",
    "ServedStandIns",
    "SignatureError",
    "StandIns",
    "TranscribedWord",
    "UndecodableAudioError",
    "ZulipMessage",
    "sign",
    "verify_signature",
]
