"""Draw one QR code per row of the table `data.urls` into data/images/<class>/<row>.png.

Both classes are drawn alike, down to the pixel: same scale, margin and error-correction level, so
that nothing but the payload tells them apart.
"""

from pathlib import Path

import pandas as pd
import segno

from stages.common.artefacts import DRAWN_IMAGES
from stages.common.cli import StageError, printable, progress, run_stage, stdout
from stages.common.files import replacing
from stages.common.settings import Params, Render, load_params
from stages.common.workers import worker_pool


def main() -> None:
    """Draw every row of the table; a payload too long for a QR code is reported and left out."""
    params = load_params()
    table = read_table(params)
    too_long = []
    with replacing(DRAWN_IMAGES) as folder, worker_pool(None) as pool, progress() as bar:
        for name in table["label"].unique():
            (folder / name).mkdir(parents=True)
        jobs = [(row.url, folder / row.label / f"{row.Index:07d}.png", params.render) for row in table.itertuples()]
        drawn = pool.map(draw_code, jobs, chunksize=64).result()
        for row, fits in zip(table.itertuples(), bar.track(drawn, len(jobs), description="render"), strict=True):
            if not fits:
                too_long.append(row)
        if len(too_long) == len(table):
            raise StageError(f"{params.data.urls}: every URL is too long for a QR code; lower render.error_correction")
    for row in too_long[:5]:
        stdout.print(f"left out, too long for a QR code: row {row.Index}, {printable(row.url[:60])}...", markup=False)
    stdout.print(f"{DRAWN_IMAGES}: {len(table) - len(too_long):,} QR codes drawn, {len(too_long):,} rows left out")


def read_table(params: Params) -> pd.DataFrame:
    """The table as columns url (str) and label ("benign" or "malicious"), indexed by row number from 1.

    Raises StageError where the table is missing, empty, lacks a column, has an empty URL or a
    label that data.classes does not know.
    """
    path = params.data.urls
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise StageError(f"{path} is not there; set data.urls in params.yaml to your url,label table") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise StageError(f"{path} is no CSV table in UTF-8: {error}") from None
    if missing := {"url", "label"} - set(table):
        raise StageError(f"{path} has no column {' or '.join(sorted(missing))}; its first line must name url and label")
    if table.empty:
        raise StageError(f"{path} has no rows below its header")
    table.index += 1
    if (empty := table.index[table["url"] == ""]).size:
        raise StageError(f"{path}: row {empty[0]} has no URL ({len(empty)} such rows); fill it in or delete it")
    classes = table["label"].map(params.data.classes)
    if (unknown := table["label"][classes.isna()]).size:
        raise StageError(
            f"{path}: row {unknown.index[0]} has the label {unknown.iloc[0]!r} ({len(unknown)} rows have unknown ones);"
            f" known are {', '.join(params.data.classes)}: correct the rows or add the label to data.classes"
        )
    return pd.DataFrame({"url": table["url"], "label": classes})


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
