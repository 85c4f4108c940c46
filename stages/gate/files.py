"""Checks of the files and of the QR codes in them: what stages/scan.py found wrong with each."""

import pandas as pd

from stages.common.settings import Params
from stages.gate.check import Check, Finding, histogram, marked
from stages.network.view import INPUT_SIDE


def has_images(table: pd.DataFrame, params: Params) -> Finding:
    """The folder is not empty."""
    return Finding(len(table) > 0, text=f"{len(table):,} files in {params.data.images}")


def files_with(problem: str, why: str, do: str, section: str = "files") -> Check:
    """The check that no file has `problem`, one of the codes in the scan table's column of that name."""

    def find(table: pd.DataFrame, params: Params) -> Finding:
        return marked(table["problem"] == problem)

    find.__name__ = problem
    return Check(section, find, "each file" if section == "files" else "each picture", why, do, per_row=True)


def decode_rate(table: pd.DataFrame, params: Params) -> Finding:
    """Enough codes can be read; where not, the unread ones are the offenders."""
    loaded = table["width"].notna()
    rate = table["decoded"][loaded].mean() if loaded.any() else 0.0
    holds = not loaded.any() or rate >= params.validate_.min_decode_rate
    return Finding(holds, loaded & ~table["decoded"], text=f"pyzbar reads {rate:.2%} of {loaded.sum():,} pictures")


def inverted(table: pd.DataFrame, params: Params) -> Finding:
    """No symbol is light on dark."""
    return marked(table["inverted"])


def mirrored(table: pd.DataFrame, params: Params) -> Finding:
    """No symbol is seen in a mirror."""
    return marked(table["mirrored"])


def small_modules(table: pd.DataFrame, params: Params) -> Finding:
    """At the network's input size a module still has `min_module_px` pixels."""
    pixels = table["module_px"] * INPUT_SIDE / table[["width", "height"]].max(axis=1)
    rows = pixels < params.validate_.min_module_px
    return Finding(
        not rows.any(),
        rows,
        marked(rows).text,
        chart=histogram(pixels, table["label"], f"pixels a module at {INPUT_SIDE} pixels"),
    )


def narrow_quiet_zone(table: pd.DataFrame, params: Params) -> Finding:
    """The margin around the symbol has `min_quiet_zone` modules."""
    rows = table["quiet_zone"] < params.validate_.min_quiet_zone
    return Finding(
        not rows.any(),
        rows,
        marked(rows).text,
        chart=histogram(table["quiet_zone"], table["label"], "modules of margin"),
    )


READABLE = "look at the pictures: sharper, larger or whole ones are needed; or take these out"

CHECKS = [
    Check("files", has_images, "the folder", "there is nothing to learn from",
          "set data.images in params.yaml to the folder that holds your images, one folder a class"),
    files_with("not_an_image", "a file that is no image teaches nothing and stops a training that trips over it",
               "move it out of the folder, or export it as PNG or JPEG"),
    files_with("truncated", "half an image is half a code, and its grey rest is learned as a feature",
               "copy or download the file again; if it stays broken, delete it"),
    files_with("empty", "an empty file is the trace of an interrupted copy; others may be missing",
               "copy the folder again and compare the number of files"),
    files_with("too_large", "a picture of that size can exhaust the memory, and may be meant to",
               "scale it down; or raise scan.max_bytes or scan.max_pixels if you trust it"),
    files_with("several_frames", "an animation has no one picture that its label belongs to",
               "save the frame that counts as a file of its own"),
    files_with("link", "a link out of the folder reads files that are not part of the dataset",
               "copy what it points to into the folder, or delete the link"),
    files_with("unreadable", "a file that may not be read is missing from the dataset without a trace",
               "give yourself the right to read it (chmod u+r), or take it out"),
    files_with("bad_name", "a name that is not UTF-8 cannot be written into the tables that follow",
               "rename the file"),
    files_with("kills_decoder", "a file that crashes or hangs a decoder is damaged, or made to attack it",
               "take it out of the folder, and do not open it elsewhere"),
    Check("reading", decode_rate, "all pictures", "an unreadable code has a label, but nothing in the picture bears it",
          READABLE + "; or lower validate.min_decode_rate"),
    files_with("no_code", "a picture without a QR code has nothing to do with its label", READABLE, "reading"),
    files_with("unreadable_code", "what no decoder can read, no telephone opens", READABLE, "reading"),
    files_with("weak_decoder", "zxing-cpp reads these, pyzbar does not: the picture may be good and the decoder weak",
               "nothing, if they are few: they are left out of the training", "reading"),
    files_with("several_codes", "with two codes in one picture, nobody knows which one the label is for",
               "cut them apart", "reading"),
    files_with("micro_qr", "a Micro QR code is another symbol, with one finder pattern", "take them out", "reading"),
    files_with("other_symbology", "a bar code of another kind is not what this network is for", "take them out",
               "reading"),
    Check("reading", inverted, "each symbol", "light on dark is another picture to a network, and may mark a source",
          "invert these pictures, or see that both classes have them alike", per_row=True),
    Check("reading", mirrored, "each symbol", "a mirrored code is the trace of a wrong augmentation",
          "mirror these pictures back; do not augment QR codes by flipping", per_row=True),
    Check("reading", small_modules, f"each symbol at {INPUT_SIDE} pixels", "modules this small blur into each other",
          "crop the picture to the symbol and its quiet zone, or leave very large symbols out", per_row=True),
    Check("reading", narrow_quiet_zone, "each symbol", "ISO/IEC 18004 asks for 4 modules of margin; readers need it",
          "draw or crop the codes with a margin of 4 modules", per_row=True),
]  # fmt: skip
