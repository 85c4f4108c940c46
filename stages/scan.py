"""Examine every image in `data.images` once and write one row each to data/scan.parquet.

Whatever a file is or does, it costs one row: a damaged image has an `error`, and one that kills
or hangs its decoder takes down a worker process, which is noticed, replaced and named in the row.

What is said of a file follows from its bytes. So the table as it was is a memory: of a file whose
bytes (by SHA-256) are in it the row is taken over, and only the others are examined.
"""

from stages.common.cli import progress, run_stage, stdout
from stages.common.settings import load_params
from stages.dataset.scan_table import scan_images, write_scan_table
from stages.dataset.storage import list_images, require_folder_of_its_own
from stages.qr.zbar import require_zbar


def main() -> None:
    """Scan every file and write the table row group by row group."""
    params = load_params()
    require_zbar()
    require_folder_of_its_own(params.data.images)
    images = list_images(params.data.images)
    with progress() as bar:
        written = write_scan_table(scan_images(images, params, bar), params)
    stdout.print(written)


if __name__ == "__main__":
    run_stage(main)
