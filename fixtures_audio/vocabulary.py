"""The fixture vocabulary: 256 words, one per byte.

Ids are stable, so audio of one release is readable by another. The last eight words are tracers:
rare words that must appear in topics, title, summary and messages if a meeting contains them.
"""

_PLAIN = """
about above accept access account across action actual adapt add address adjust advance advice
after again agenda agree ahead align allow almost already also always amount analysis another
answer any apply approve area around arrange ask assign attach audience author average away back
balance base because become before begin believe below benefit best better between board both
bring broad budget build business call campaign capacity care case cause change channel charge
check choice clear client close code collect come comment common company compare complete concern
confirm connect consider contact content context contract control copy correct cost could count
course cover create current customer cut daily data date deadline deal decide deep deliver demand
depend design detail develop device different direct discuss document double draft drive during
early easy edit effort eight email enable enough ensure enter equal error estimate even every
example expect explain extend extra fact fair fast feature feedback few figure file final find
finish first five focus follow forecast forward four frame free from full function future general
give goal good great group grow guess guide half handle happen hard have hear help high hire hold
hope hour house idea impact important improve include increase inform inside interest invite
invoice issue item join just keep key kind know large last later launch lead learn leave less
letter level like limit line link list little local long look main make manage many market
measure meet member message method mobile model modern money month more morning move
""".split()  # noqa: SIM905 - 248 quoted words would be three screens

_TRACER_WORDS = (
    "albatross",
    "bergamot",
    "chrysalis",
    "dromedary",
    "ecliptic",
    "filigree",
    "gossamer",
    "hyacinth",
)

VOCABULARY: tuple[str, ...] = (*_PLAIN, *_TRACER_WORDS)
TRACERS: frozenset[int] = frozenset(range(len(_PLAIN), len(VOCABULARY)))


def text_of(word_id: int) -> str:
    """Return the word of an id.

    Raises:
        ValueError: The id is not 0 to 255.
    """
    if not 0 <= word_id < len(VOCABULARY):
        raise ValueError(f"word id {word_id} is outside 0..{len(VOCABULARY) - 1}")
    return VOCABULARY[word_id]
