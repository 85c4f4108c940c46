"""Pack a folder of images into shards: a few large tar files instead of many small files.

    python -m stages.commands.pack data/my-images data/my-shards      # then set data.images to data/my-shards

DVC and file systems are slow with a million small files. The same images give the same shards, byte for
byte: files are sorted by name, and owners, times and permissions are left out. `labels.csv` is copied beside
the shards, and `shards.json` says what each shard was, so that a loss is noticed. `tar xf` unpacks them.
"""

import shutil
import tarfile
from io import BytesIO
from itertools import count
from pathlib import Path

from stages.common.cli import StageError, command_parser, printable, progress, run, stderr, stdout
from stages.common.files import replacing
from stages.dataset.shards import write_manifest
from stages.dataset.storage import LABELS_FILE, Stored, labels_file, list_images, read_bytes
from stages.qr.image import UnusableImageError

MOST = 2**40  # bytes of a file


def main() -> None:
    """Read the arguments and pack."""
    parser = command_parser("commands.pack", __doc__)
    parser.add_argument("images", type=Path, help="the folder of images; shards in it are repacked")
    parser.add_argument("target", type=Path, help="the folder for the shards; must not exist yet")
    parser.add_argument("--shard-mib", type=int, default=64, help="size of a shard; default: %(default)s MiB")
    options = parser.parse_args()
    if options.target.exists():
        raise StageError(f"{options.target} already exists; name a new folder, or delete it first")
    if options.target.resolve().is_relative_to(options.images.resolve()):
        raise StageError(f"{options.target} is inside {options.images} and would be read as images; name another place")
    left_out: list[tuple[str, str]] = []
    with replacing(options.target) as folder:
        folder.mkdir()
        files = pack(options.images, folder, max(options.shard_mib, 1) * 2**20, left_out)
        write_manifest(folder, files)
        if labels := labels_file(options.images):
            shutil.copyfile(labels, folder / LABELS_FILE)
    for name, why in left_out:
        stderr.print(printable(f"left out: {name}: {why}"), markup=False)
    text = f"{options.target}: {sum(files.values()):,} files in {len(files):,} shards, {len(left_out):,} left out; "
    stdout.print(f"{text}set data.images in params.yaml to it", markup=False)


def pack(images: Path, folder: Path, most: int, left_out: list[tuple[str, str]]) -> dict[str, int]:
    """Write the files in `images` to shards of up to `most` bytes in `folder`; returns how many each holds, by name.

    Files that cannot be read, and links that lead out of `images`, are added to `left_out` with the reason.
    """
    names = (f"images-{number:05d}.tar" for number in count())
    files: dict[str, int] = {}
    shard: tarfile.TarFile | None = None
    try:
        with progress() as bar:
            for stored in bar.track(list_images(images), description="pack"):
                try:
                    data = _contents(images, stored)
                except (OSError, UnusableImageError) as problem:
                    left_out.append((stored.path, getattr(problem, "strerror", None) or str(problem)))
                    continue
                if shard is None or shard.offset + len(data) > most:
                    if shard is not None:
                        shard.close()
                    name = next(names)
                    shard = tarfile.open(folder / name, "w:", format=tarfile.PAX_FORMAT)  # noqa: SIM115
                    files[name] = 0
                member = tarfile.TarInfo(stored.path)  # defaults: no owner, 1970, mode 644
                member.size = len(data)
                shard.addfile(member, BytesIO(data))
                shard.members.clear()  # type: ignore[attr-defined]  # otherwise it keeps them all in memory
                files[name] += 1
    finally:
        if shard is not None:
            shard.close()
    return files


def _contents(images: Path, stored: Stored) -> bytes:
    file = images / stored.path
    if stored.shard is None and file.is_symlink() and not file.resolve().is_relative_to(images.resolve()):
        raise OSError(0, "a link out of the folder")
    return read_bytes(images, stored, MOST)


if __name__ == "__main__":
    run(main)
