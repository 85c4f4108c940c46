"""Why a picture cannot serve as a sample: every code there is, once."""

from enum import StrEnum, auto


class Problem(StrEnum):
    """The column ``problem`` of the scan table; NONE, which is "", where there is none."""

    NONE = ""
    # the file
    NOT_AN_IMAGE = auto()
    TRUNCATED = auto()
    EMPTY = auto()
    TOO_LARGE = auto()
    BLACK_16_BIT = auto()  # small values in 16 bits a pixel
    SEVERAL_FRAMES = auto()
    LINK = auto()
    SIDE_FILE = auto()  # by its name not meant as a picture: a table, a text, a system's own file
    UNREADABLE = auto()
    BAD_NAME = auto()
    KILLS_DECODER = auto()
    OUT_OF_MEMORY = auto()  # the machine's problem, not the file's
    # the code in the picture
    NO_CODE = auto()
    UNREADABLE_CODE = auto()  # found, read by neither decoder
    WEAK_DECODER = auto()  # zxing-cpp reads it, pyzbar does not
    SEVERAL_CODES = auto()
    STRUCTURED_APPEND = auto()  # a part of a message in several symbols
    NOT_LOCATED = auto()  # one of several, which cannot be cut out; only in stages/predict
    MICRO_QR = auto()
    OTHER_SYMBOLOGY = auto()
