"""Texts that names, ids, keys and words really have, and that careless code changes."""

from __future__ import annotations

import unicodedata

COMPOSED = "Zoë Łukasz"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)

ODD_TEXTS = (
    "R&D <b>bold</b> &amp; \"quoted\" 'single'",
    COMPOSED,
    DECOMPOSED,
    "שָׁלוֹם, \u200fمرحبا",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "${workflow.input.secret} {0} %s \\n",
    "O'Brien; DROP TABLE transcripts;--",
    "ＦＵＬＬ ﬁ ² ß İ",
    "a,b;c|d",
)
"""No text is blank or has white space around it. Texts of the same meaning are both there."""

UNCLEAN_TEXTS = {
    "half\ud83d": "half\N{REPLACEMENT CHARACTER}",
    "\ude00other": "\N{REPLACEMENT CHARACTER}other",
    "nul\x00l": "null",
    "be\x07ll": "bell",
    "pair\ud83d\ude00": "pair😀",
}
"""Texts of a service's JSON, and what should come of them."""
