"""Who owns which frequencies, and when.

A track speaks in a band of its own, so that every track can be heard in a mix of all. There is
room for 30 bands between 400 Hz and 15.3 kHz; tracks beyond the thirtieth share a band by taking
turns: meeting time is cut into slots of one second, and the tracks of a band own the slots in
rotation. Words keep a distance from a slot's edges, so that a word is still credited to its own
track when a timestamp is off by some tens of milliseconds.
"""

BANDS = 30
LOWEST_HZ = 400
BAND_WIDTH_HZ = 500
SLOT_MS = 1000
SLOT_MARGIN_MS = 100


def base_hz(band: int) -> int:
    """Frequency of digit 0 in a band."""
    if not 0 <= band < BANDS:
        raise ValueError(f"band {band} is outside 0..{BANDS - 1}")
    return LOWEST_HZ + BAND_WIDTH_HZ * band


def band_of(track_index: int) -> int:
    """The band a track speaks in."""
    return track_index % BANDS


def sharers_of(band: int, tracks: int) -> int:
    """How many of a meeting's tracks share a band."""
    return len(range(band, tracks, BANDS))


def track_of(band: int, meeting_time: float, tracks: int) -> int:
    """The track that owns a band at a moment (seconds) of a meeting of so many tracks."""
    sharers = sharers_of(band, tracks)
    if sharers == 0:
        raise ValueError(f"no track of {tracks} speaks in band {band}")
    slot = int(meeting_time * 1000 // SLOT_MS)
    return band + BANDS * (slot % sharers)
