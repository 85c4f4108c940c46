"""What attackers write is harmless wherever it is shown; a run that is killed leaves nothing half-written."""

import csv
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.helpers import ENV, HANGS, IMPORTING, LINUX, REPO, draw_qr, new_project, run_stage, set_params

PAYLOADS = [
    "<script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}{% raw %}[bold]",
    "javascript:alert(1)//https://evil.example/",
    "\x1b[2J\x1b]0;title\x07\x1b[31mred\x9b31m",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "\t=1+1",
    "a\r\n=1+1",
    '"=1+1',
    "\u202egnp.exe\u2066",
    "before\0after",
    "https://evil.example/" + "x" * 2879,
    "HTTPS://EVIL.EXAMPLE/",
]
IMAGES = 100


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A project with every payload in both classes, in symbols and names, and what scan and validate said."""
    project = new_project(tmp_path_factory.mktemp("attacked"))
    set_params(project, {"validate.levels": {"no_code": "error"}})
    for label in ("benign", "malicious"):
        for i, payload in enumerate(PAYLOADS):
            name = payload.replace("/", "\\").replace("\0", "")[:100]
            draw_qr(project / "data/images" / label / f"{name}{i}.png", payload, scale=2, error="L")
            (project / "data/images" / label / f"{name}{i}.txt.png").write_text(payload)
    said = ""
    for stage, status in (("scan", 0), ("validate", 1)):
        ended = run_stage(stage, project)
        assert ended.returncode == status, ended.stderr
        said += ended.stdout + ended.stderr
    return project, said


def assert_harmless(text: str) -> None:
    assert {character for character in text if not character.isprintable()} <= {"\n"}
    assert "evil.example/" not in text.lower().replace("hxxps://evil.example", "")


def test_payloads_reach_the_table_unchanged(attacked: tuple[Path, str]) -> None:
    table = pd.read_parquet(attacked[0] / "data/scan.parquet")
    assert len(table) == 4 * len(PAYLOADS)
    # No NUL gets into a payload, and what no encoding has is written as an escape.
    written = {text.replace("\0", "\\x00").replace("\x9b", "\\x9b") for text in PAYLOADS}
    assert set(table["payload"].dropna()) == written
    assert table["decoded"].sum() == 2 * len(PAYLOADS)


def test_the_terminal_shows_no_control_characters_and_no_traceback(attacked: tuple[Path, str]) -> None:
    said = attacked[1]
    assert_harmless(said)
    assert "Traceback" not in said
    assert "the data is not fit for training" in said


def test_the_page_shows_payloads_and_runs_nothing(attacked: tuple[Path, str]) -> None:
    page = (attacked[0] / "reports/data.html").read_text()
    assert_harmless(page)
    assert "&lt;script&gt;alert(1)" in page
    assert "{{ 7 * 7 }}" in page
    tags = re.findall(r"<[a-zA-Z][^>]*>", page)  # all that a browser takes for one
    assert not [
        tag for tag in tags if re.match(r"<(script|iframe|object|embed|form|base)|.*\son\w+\s*=", tag, re.DOTALL)
    ]
    sources, links = (re.findall(rf"""\s{name}\s*=\s*["']?([^"'>]*)""", " ".join(tags)) for name in ("src", "href"))
    assert {source.partition(",")[0] for source in sources} == {"data:image/webp;base64"}
    assert [link for link in links if link.startswith("../data/images/")]
    assert not [link for link in links if not re.match(r"#|data_findings\.csv$|\.\./data/images/[^:]*$", link)]


def test_no_cell_of_the_findings_is_a_formula(attacked: tuple[Path, str]) -> None:
    content = (attacked[0] / "reports/data_findings.csv").read_text()
    assert_harmless(content)
    rows = list(csv.reader(content.splitlines()))
    assert {len(row) for row in rows} == {6}
    cells = [cell for row in rows for cell in row]
    assert any("SUM(1)" in cell for cell in cells)
    assert not [cell for cell in cells if re.match(r"[\s\"]*[=+\-@]", cell)]


def draw_many(folder: Path) -> Path:
    """A project whose scan takes a moment."""
    project = new_project(folder)
    set_params(project, {"scan.workers": 2, "data.images": "mine"})
    for i in range(IMAGES):
        draw_qr(project / f"mine/{('benign', 'malicious')[i % 2]}/{i:03}.png", f"https://a{i}.example/", scale=12)
    return project


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = draw_many(tmp_path_factory.mktemp("undisturbed"))
    assert run_stage("scan", project).returncode == 0
    return project


def start(project: Path, *command: str) -> "subprocess.Popen[bytes]":
    """`python -m COMMAND` at the head of a process group of its own, without output."""
    quiet = subprocess.DEVNULL
    return subprocess.Popen(
        [sys.executable, "-m", *command], cwd=project, env=IMPORTING, stdout=quiet, stderr=quiet, start_new_session=True
    )


def kill_group(process: "subprocess.Popen[bytes]", after: float) -> bool:
    """Kill the process and all that it started; whether it still ran."""
    try:
        process.wait(after)
        return False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True


@pytest.mark.slow
def test_a_killed_scan_leaves_the_old_table_or_none(tmp_path: Path, undisturbed: Path) -> None:
    """Killed at once, and at random moments while it writes; where it ended before, the moments come sooner."""
    project, expected = draw_many(tmp_path), (undisturbed / "data/scan.parquet").read_bytes()
    table = project / "data/scan.parquet"
    rng, kills, longest = random.Random(5), 0, 0.3
    while kills < 6:
        before = b"" if kills < 3 else b"an old table"
        for path in (table, *partials(project)):
            path.unlink(missing_ok=True)
        if before:
            table.write_bytes(before)
        process = start(project, "stages.scan")
        if kills:
            wait_for_first_bytes(project, process)
        if kill_group(process, rng.uniform(0, longest if kills else 2.0)):
            kills += 1
        else:
            longest *= 0.7
        assert (table.read_bytes() if table.exists() else b"") in (before, expected)
    table.write_bytes(b"an old table")
    (project / "data/.scan.parquet.partial").write_bytes(b"PAR1 half a table")
    assert run_stage("scan", project).returncode == 0
    assert table.read_bytes() == expected
    assert not partials(project)


def wait_for_first_bytes(project: Path, process: "subprocess.Popen[bytes]") -> None:
    """Until the scan of `project` writes, or ends."""
    while not partials(project) and process.poll() is None:
        time.sleep(0.01)


def partials(project: Path) -> list[Path]:
    """What a scan of `project` has begun to write."""
    return list((project / "data").glob(".scan.parquet*.partial"))


@LINUX
@pytest.mark.parametrize("attempt", range(2))
def test_workers_end_when_their_parent_is_killed(tmp_path: Path, attempt: int) -> None:
    process = start(draw_many(tmp_path), "stages.scan")
    wait_until(lambda: len(children(process.pid)) >= 2 + attempt)  # the tracker of resources, and workers
    workers = children(process.pid)
    process.kill()
    process.wait()
    try:
        wait_until(lambda: not any(map(runs, workers)))
    finally:
        for worker in filter(runs, workers):
            os.kill(worker, signal.SIGKILL)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + HANGS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def stat(pid: int | str) -> list[str]:
    """State, parent and so on from /proc, [] where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def children(pid: int) -> list[int]:
    return [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and stat(p.name)[1:2] == [str(pid)]]


def runs(pid: int) -> bool:
    return stat(pid)[:1] not in ([], ["Z"])


@pytest.mark.slow
def test_dvc_goes_on_after_a_kill(tmp_path: Path, undisturbed: Path) -> None:
    project = draw_many(tmp_path)
    shutil.copy(REPO / "dvc.yaml", project)
    shutil.copytree(REPO / "stages", project / "stages")
    shutil.copytree(REPO / ".dvc", project / ".dvc", ignore=lambda folder, names: {*names} & {"tmp", "cache"})
    for command in (["git", "init", "-q"], ["git", "add", "."]):
        subprocess.run(command, cwd=project, env=ENV, check=True)
    rng, kills, duration = random.Random(6), 0, 1.0
    while kills < 3:
        for path in ((project / "data/scan.parquet"), *partials(project)):  # or there would be nothing left to do
            path.unlink(missing_ok=True)
        process = start(project, "dvc", "repro", "--force", "scan")
        wait_for_first_bytes(project, process)  # DVC's own lock is written by then
        if kill_group(process, rng.uniform(0, duration)):
            kills += 1
        else:
            duration *= 0.7
        assert not (project / "data/scan.parquet").exists() or same_table(project, undisturbed)
    ended = subprocess.run(["dvc", "repro", "scan"], cwd=project, env=ENV, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert same_table(project, undisturbed)


def same_table(project: Path, other: Path) -> bool:
    return (project / "data/scan.parquet").read_bytes() == (other / "data/scan.parquet").read_bytes()
