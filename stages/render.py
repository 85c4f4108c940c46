"""Draw one QR code per row of the table `data.urls` into data/images/<class>/<row>.png.

Both classes are drawn alike, down to the pixel: same scale, margin and error-correction level, so
that nothing but the payload tells them apart. With images of your own (data.images) nothing is drawn.
"""

import re
from pathlib import Path

import pandas as pd
import segno

from stages.common.artefacts import DRAWN_IMAGES
from stages.common.cli import StageError, progress, run_stage, stdout
from stages.common.files import replacing
from stages.common.settings import Data, Render, folded, load_params
from stages.common.workers import worker_pool
from stages.dataset.csv_table import read_csv
from stages.dataset.labels import IGNORED, class_names
from stages.dataset.storage import require_folder_of_its_own, require_plain_entries
from stages.payload.safe import clean, defang

NOTHING_DRAWN = ".nothing-drawn"  # DVC warns of a folder without any file; what begins with a dot is not scanned
NO_FOLDER = re.compile(r"^\.|[^\w .-]|[ .]$")


def main() -> None:
    """Draw every row of the table; a payload too long for a QR code is reported and left out."""
    params = load_params()
    if params.data.images != DRAWN_IMAGES:
        draw_nothing(params.data.images)
        return
    table = read_urls(params.data)
    too_long = []
    with replacing(DRAWN_IMAGES) as folder, worker_pool(None) as pool, progress() as bar:
        # A source is the folder above the class, where the scan finds it again.
        folders = [folder / row.source / row.label for row in table.itertuples()]
        for name in set(folders):
            name.mkdir(parents=True)
        jobs = [
            (row.url, name / f"{row.Index:07d}.png", params.render)
            for row, name in zip(table.itertuples(), folders, strict=True)
        ]
        drawn = pool.map(draw_code, jobs, chunksize=64).result()
        for row, fits in zip(table.itertuples(), bar.track(drawn, len(jobs), description="render"), strict=True):
            if not fits:
                too_long.append(row)
        if len(too_long) == len(table):
            raise StageError(f"{params.data.urls}: every URL is too long for a QR code; lower render.error_correction")
    for row in too_long[:5]:
        stdout.print(f"left out, too long for a QR code: row {row.Index}, {defang(row.url[:60])}...", markup=False)
    stdout.print(f"{DRAWN_IMAGES}: {len(table) - len(too_long):,} QR codes drawn, {len(too_long):,} rows left out")


def draw_nothing(images: Path) -> None:
    """Leave a folder without images, since they are in `images`; StageError where DVC could not read these.

    Nothing later can say so: the stage that scans them depends on them, and DVC reads what a stage depends on first.
    """
    require_folder_of_its_own(images)
    require_plain_entries(images)
    with replacing(DRAWN_IMAGES) as folder:
        folder.mkdir()
        (folder / NOTHING_DRAWN).touch()
    stdout.print(f"{DRAWN_IMAGES}: nothing drawn, as data.images is {images}", markup=False)


def read_urls(data: Data) -> pd.DataFrame:
    """The table as columns url, label ("benign" or "malicious") and source, all str, indexed by row number from 1.

    Rows whose label is ignored are left out. Raises StageError where the table is missing, as `read_csv`
    does, for a label that data.classes does not know, where it ignores every row, and for a source that no folder can
    be called.
    """
    path = data.urls
    try:
        columns = read_csv(path, ("url", "label"), ("source",), data)
    except FileNotFoundError:
        raise StageError(f"{path} is not there; set data.urls in params.yaml to your url,label table") from None
    table = pd.DataFrame(columns, dtype=str).reindex(columns=["url", "label", "source"], fill_value="")
    if table.empty:
        raise StageError(f"{path} has no rows below its header")
    table.index += 1
    known = class_names(data.classes)
    classes = table["label"].map(folded).map(known)
    if (unknown := table["label"][classes.isna()]).size:
        raise StageError(
            f"{path}: row {unknown.index[0]} has the label {clean(unknown.iloc[0])!r} ({len(unknown)} rows have unknown"
            f" ones); known are {', '.join(known)}: correct the rows or add the label to data.classes"
        )
    if (odd := table["source"][table["source"].map(NO_FOLDER.search).notna()]).size:
        raise StageError(
            f"{path}: row {odd.index[0]} has the source {clean(odd.iloc[0])!r}, which no folder can be called; "
            "use letters, digits, spaces, dots, - and _"
        )
    if (classes == IGNORED).all():
        raise StageError(
            f"{path}: data.classes ignores the labels of all {len(table):,} rows; map one of them to a class"
        )
    return table.assign(label=classes)[classes != IGNORED]


def draw_code(job: tuple[str, Path, Render]) -> bool:
    """Write the QR code of job = (payload, path, settings); False where the payload does not fit version 40."""
    payload, path, settings = job
    try:
        code = segno.make_qr(payload, error=settings.error_correction, boost_error=False, encoding="utf-8")
    except segno.DataOverflowError:
        return False
    code.save(str(path), kind="png", scale=settings.scale, border=settings.quiet_zone)
    return True


if __name__ == "__main__":
    run_stage(main)
