"""Assignment of frequency bands to tracks.

Each track has its own band, so its words can be detected in a mix. 30 bands fit between 400 Hz
and 15.3 kHz; tracks beyond the thirtieth share bands by time division: meeting time is divided
into slots of one second, which the tracks of a band own in rotation. Words keep a margin to slot
edges, so a timestamp error of some tens of milliseconds does not change a word's track.
"""

BANDS = 30
LOWEST_HZ = 400
BAND_WIDTH_HZ = 500
SLOT_MS = 1000
SLOT_MARGIN_MS = 100


def base_hz(band: int) -> int:
    """Return the frequency in Hz of hex digit 0 in a band."""
    if not 0 <= band < BANDS:
        raise ValueError(f"band {band} is outside 0..{BANDS - 1}")
    return LOWEST_HZ + BAND_WIDTH_HZ * band


def band_of(track_index: int) -> int:
    """Return the band of a track."""
    return track_index % BANDS


def sharers_of(band: int, tracks: int) -> int:
    """Return how many tracks share a band in a meeting of `tracks` tracks."""
    return len(range(band, tracks, BANDS))


def track_of(band: int, meeting_time: float, tracks: int) -> int:
    """Return the track that owns a band at a meeting time (seconds).

    Raises:
        ValueError: No track of a meeting of `tracks` tracks uses the band.
    """
    sharers = sharers_of(band, tracks)
    if sharers == 0:
        raise ValueError(f"no track of {tracks} uses band {band}")
    slot = int(meeting_time * 1000 // SLOT_MS)
    return band + BANDS * (slot % sharers)
