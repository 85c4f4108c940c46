"""Checks of the files and of the QR codes in them: what stages/scan.py found wrong with each."""

import pandas as pd

from stages.common.settings import Level, Params
from stages.gate.check import Check, Finding, histogram, marked, no_row_has
from stages.network.view import INPUT_SIDE
from stages.qr.problem import Problem


def has_images(table: pd.DataFrame, params: Params) -> Finding:
    """The folder is not empty."""
    return Finding(len(table) > 0, text=f"{len(table):,} files in {params.data.images}")


def without(problem: Problem, section: str, level: Level, why: str, remedy: str) -> Check:
    """The check that no file has `problem`, of the same name."""
    examines = "each file" if section == "files" else "each picture"
    return Check(problem, section, level, no_row_has("problem", problem), examines, why, remedy, per_row=True)


def decode_rate(table: pd.DataFrame, params: Params) -> Finding:
    """Enough codes can be read; where not, the unread ones are the offenders."""
    loaded = table["width"].notna()
    if not loaded.any():
        return Finding(None, text="no picture could be loaded")
    rate = table["decoded"][loaded].mean()
    holds = bool(rate >= params.validate_.min_decode_rate)
    return Finding(holds, loaded & ~table["decoded"], text=f"pyzbar reads {rate:.2%} of {loaded.sum():,} pictures")


def inverted(table: pd.DataFrame, params: Params) -> Finding:
    """No symbol is light on dark."""
    return marked(table["inverted"], table["version"].notna())


def mirrored(table: pd.DataFrame, params: Params) -> Finding:
    """No symbol is seen in a mirror."""
    return marked(table["mirrored"], table["version"].notna())


def small_modules(table: pd.DataFrame, params: Params) -> Finding:
    """At the network's input size a module still has `min_module_px` pixels."""
    pixels = table["module_px"] * INPUT_SIDE / table[["width", "height"]].max(axis=1)
    chart = histogram(pixels, table["label"], f"pixels a module at {INPUT_SIDE} pixels")
    return marked(pixels < params.validate_.min_module_px, pixels.notna(), chart)


def narrow_quiet_zone(table: pd.DataFrame, params: Params) -> Finding:
    """The margin around the symbol has `min_quiet_zone` modules."""
    modules = table["quiet_zone"]
    chart = histogram(modules, table["label"], "modules of margin")
    return marked(modules < params.validate_.min_quiet_zone, modules.notna(), chart)


def low_contrast(table: pd.DataFrame, params: Params) -> Finding:
    """Paper and ink differ by `min_contrast` grey levels."""
    levels = table["contrast"]
    chart = histogram(levels, table["label"], "grey levels between paper and ink")
    return marked(levels < params.validate_.min_contrast, levels.notna(), chart)


READABLE = "look at the pictures: sharper, larger or whole ones are needed; or take these out"

CHECKS = [
    Check("has_images", "files", "error", has_images, "the folder", "there is nothing to learn from",
          "set data.images in params.yaml to the folder that holds your images, one folder a class"),
    without(Problem.NOT_AN_IMAGE, "files", "error",
            "a file that is not an image teaches nothing and stops a training that trips over it",
            "move it out of the folder, or export it as PNG or JPEG"),
    without(Problem.TRUNCATED, "files", "error",
            "half an image is half a code, and its grey rest is learned as a feature",
            "copy or download the file again; if it stays broken, delete it"),
    without(Problem.EMPTY, "files", "error",
            "an empty file is the trace of an interrupted copy; others may be missing",
            "copy the folder again and compare the number of files"),
    without(Problem.TOO_LARGE, "files", "error",
            "a picture of that size can exhaust the memory, and may be meant to",
            "scale it down; or raise scan.max_bytes or scan.max_pixels if you trust it"),
    without(Problem.BLACK_16_BIT, "files", "error",
            "values of 8 bits in a picture of 16 are black to people and to the network",
            "multiply the values as the row says, and save the picture again"),
    without(Problem.SEVERAL_FRAMES, "files", "error",
            "an animation has several pictures, and its label belongs to one",
            "save the frame that counts as a file of its own"),
    without(Problem.LINK, "files", "error",
            "a link out of the folder reads files that are not part of the dataset",
            "copy what it points to into the folder, or delete the link"),
    without(Problem.SIDE_FILE, "files", "warn",
            "a table, a text or a system's own file among the images is not a sample, and is left out",
            "nothing; or move it out of the folder"),
    without(Problem.UNREADABLE, "files", "error",
            "a file that may not be read is missing from the dataset without a trace",
            "give yourself the right to read it (chmod u+r), or take it out"),
    without(Problem.BAD_NAME, "files", "error",
            "a name that is not UTF-8 cannot be written into the tables that follow", "rename the file"),
    without(Problem.KILLS_DECODER, "files", "error",
            "a file that crashes or hangs a decoder is damaged, or made to attack it",
            "take it out of the folder, and do not open it elsewhere"),
    without(Problem.OUT_OF_MEMORY, "files", "error",
            "the machine is at fault, and nothing is known of the picture",
            "close other programs or lower scan.workers, and run it again; or lower scan.max_pixels"),
    Check("decode_rate", "reading", "error", decode_rate, "all pictures",
          "an unreadable code has a label, but nothing in the picture bears it",
          READABLE + "; or lower validate.min_decode_rate"),
    without(Problem.NO_CODE, "reading", "warn", "a picture without a QR code has nothing to do with its label",
            READABLE),
    without(Problem.UNREADABLE_CODE, "reading", "warn", "a phone cannot read what no decoder reads", READABLE),
    without(Problem.WEAK_DECODER, "reading", "warn",
            "zxing-cpp reads these, pyzbar does not: the picture may be good and the decoder weak",
            "nothing, if they are few: they are left out of the training"),
    without(Problem.SEVERAL_CODES, "reading", "warn",
            "with two codes in one picture, nobody knows which one the label is for", "cut them apart"),
    without(Problem.STRUCTURED_APPEND, "reading", "warn",
            "the payload is a part of a message that several symbols hold together", "take them out"),
    without(Problem.MICRO_QR, "reading", "warn", "a Micro QR code is another symbol, with one finder pattern",
            "take them out"),
    without(Problem.OTHER_SYMBOLOGY, "reading", "warn", "this network is for QR codes, not for other bar codes",
            "take them out"),
    Check("inverted", "reading", "warn", inverted, "each symbol",
          "light on dark is another picture to a network, and may mark a source",
          "invert these pictures, or see that both classes have them alike", per_row=True),
    Check("mirrored", "reading", "warn", mirrored, "each symbol",
          "a mirrored code is the trace of a wrong augmentation",
          "mirror these pictures back; do not augment QR codes by flipping", per_row=True),
    Check("small_modules", "reading", "warn", small_modules, f"each symbol at {INPUT_SIDE} pixels",
          "modules this small blur into each other",
          "crop the picture to the symbol and its quiet zone, or leave very large symbols out", per_row=True),
    Check("narrow_quiet_zone", "reading", "warn", narrow_quiet_zone, "each symbol",
          "ISO/IEC 18004 asks for 4 modules of margin; readers need it",
          "draw or crop the codes with a margin of 4 modules", per_row=True),
    Check("low_contrast", "reading", "error", low_contrast, "paper and ink of each symbol",
          "a picture that is all black or all white to people is so to a network, too; ISO/IEC 15415 fails a symbol "
          "whose contrast is below 20 % (51 of 255)",
          "scale the grey values to 0..255 (an array of 0 and 1 times 255), or photograph in better light",
          per_row=True),
]  # fmt: skip
