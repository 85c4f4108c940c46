"""What a file is that is not a picture this project reads, by its first bytes, and what to do with it."""

from pathlib import PurePosixPath

SIGNATURE_BYTES = 4096  # of a file, for `kind_by_signature`

UNPACK, EXPORT = "unpack it, and name the folder", "export it as PNG"
STARTS = (
    (b"PK\x03\x04", "a zip archive: unzip it, and name the folder"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", f"compressed with gzip, as a .tar.gz is: {UNPACK}, or pack it anew without compression"),
    (b"BZh", f"compressed with bzip2: {UNPACK}"),
    (b"\xfd7zXZ\0", f"compressed with xz: {UNPACK}"),
    (b"\x28\xb5\x2f\xfd", f"compressed with zstd: {UNPACK}"),
    (b"7z\xbc\xaf\x27\x1c", f"a 7-Zip archive: {UNPACK}"),
    (b"Rar!", f"a RAR archive: {UNPACK}"),
    (b"%PDF", f"a PDF document: {EXPORT}"),
    (b"%!PS", f"a PostScript document: {EXPORT}"),
    (b"\xff\x0a", f"a JPEG XL picture: {EXPORT}"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", f"a JPEG XL picture: {EXPORT}"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", f"a JPEG 2000 picture: {EXPORT}"),
    (b"version https://git-lfs", "a pointer of Git LFS in place of the file: `git lfs pull` gets it"),
    (b"PAR1", "a Parquet table: its pictures must be files"),
    (b"\x89HDF", "an HDF5 file: its pictures must be files"),
)
# ISO base media files, by the brand in bytes 8 to 12.
BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), f"an AVIF picture: {EXPORT}"),
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"), f"an HEIC picture: {EXPORT}"),
    **dict.fromkeys((b"isom", b"mp42", b"qt  ", b"M4V "), "a video: save the frame that counts as a picture"),
}

SIDE_NAMES = {"thumbs.db", "ehthumbs.db", "desktop.ini", "readme", "license", "licence", "makefile", "icon\r"}
SIDE_ENDINGS = {
    ".csv", ".tsv", ".txt", ".md", ".rst", ".json", ".jsonl", ".xml", ".html", ".htm", ".yaml", ".yml", ".toml", ".ini",
    ".cfg", ".db", ".log", ".py", ".ipynb", ".sh", ".bat", ".doc", ".docx", ".xls", ".xlsx", ".ods", ".lnk", ".url",
    ".md5", ".sha256", ".crdownload", ".part",
}  # fmt: skip


def is_side_file(path: str) -> bool:
    """Whether a file is by its name not meant as a picture: a table, a text, or a file of the system's own."""
    name = PurePosixPath(path.lower())
    return name.name in SIDE_NAMES or name.suffix in SIDE_ENDINGS


def kind_by_signature(data: bytes) -> str:
    """What a file is that begins with `data`, and what to do: "a PDF document: export it as PNG"; "" if unknown."""
    for start, kind in STARTS:
        if data.startswith(start):
            return kind
    if data[4:8] == b"ftyp":
        return BRANDS.get(data[8:12], "")
    text = data[:SIGNATURE_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"<svg") or (text.startswith((b"<?xml", b"<!doctype svg", b"<!--")) and b"<svg" in text):
        return f"an SVG drawing: {EXPORT}"
    return (
        "a web page in place of a picture: download it again" if text.startswith((b"<!doctype html", b"<html")) else ""
    )
