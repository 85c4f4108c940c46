from pathlib import Path

from stages.commands import pack
from stages.commands.cluster.shard import examine_shard
from stages.common.cli import progress
from stages.common.settings import load_params
from stages.dataset.row import CONTENT
from stages.dataset.scan_table import scan_images
from stages.dataset.storage import list_images
from tests.helpers import draw_classes, set_params, truncate


def test_the_rows_of_a_shard_are_those_of_the_scan(project: Path) -> None:
    images = draw_classes(project / "images", 3, 3)
    truncate(images / "benign/001.png")
    (project / "shards").mkdir()
    pack.pack(images, project / "shards", 2**20, [])
    set_params(project, {"data.images": "shards"})
    params = load_params()
    files, rows = examine_shard(f"file://{project}/shards", "images-00000.tar", params)
    assert files == list_images(project / "shards")
    assert rows.schema.equals(CONTENT)
    (scanned, _) = scan_images(files, params, progress())
    assert rows.to_pylist() == scanned.select(CONTENT.names).to_pylist()
    assert rows["decoded"].to_pylist().count(False) == 1
