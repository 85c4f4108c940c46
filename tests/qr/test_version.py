import shutil
from pathlib import Path

from stages.qr.version import code_version
from tests.helpers import REPO, run_python

ASK = "from stages.qr.version import code_version; print(code_version())"


def test_it_changes_with_the_code_that_reads_a_picture_and_with_no_other(tmp_path: Path) -> None:
    """One letter elsewhere must not cost a scan of a million images; one here must."""
    shutil.copytree(REPO / "stages", tmp_path / "stages")

    def asked() -> str:
        ended = run_python("-c", f"import sys; sys.path.insert(0, '.'); {ASK}", folder=tmp_path)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    before = asked()
    for name, same in (("page/html.py", True), ("payload/safe.py", True), ("qr/image.py", False)):
        file = tmp_path / "stages" / name
        file.write_text(file.read_text() + "# a comment\n")
        assert (asked() == before) == same, name


def test_it_takes_in_other_files(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("a")
    first = code_version(tmp_path / "a.py")
    (tmp_path / "a.py").write_text("b")
    assert len({code_version(), first, code_version(tmp_path / "a.py")}) == 3
