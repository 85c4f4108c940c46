"""What a stage takes to start, and what the table stages take for a million rows."""

from collections.abc import Iterator

from stages.common.artefacts import SCAN
from tests.benchmarks.data import project
from tests.benchmarks.measure import MIB, Options, Row, Run, compare, in_turn, process
from tests.benchmarks.memory import own_peak
from tests.benchmarks.million import million
from tests.helpers import REPO


def startup(options: Options) -> Iterator[Row]:
    """Seconds to import each stage and predict, and whether torch comes with it; beside a Python that does nothing."""
    yield from compare("start-up", "s", {"python -c pass": in_turn_one("pass", options)})
    stages = sorted(file.stem for file in (REPO / "stages").glob("[!_]*.py"))
    for name in (*stages, "predict.__main__"):
        code = f"import stages.{name}, sys; print('torch' in sys.modules)"
        torch = process("-c", code, folder=options.folder).output.split()[-1] == "True"
        note = "imports torch" if torch else "does without torch"
        yield from compare(
            "start-up", "s", {f"stages.{name}": in_turn_one(code, options)}, notes={f"stages.{name}": note}
        )


def in_turn_one(code: str, options: Options) -> list[float]:
    """Seconds of `python -c CODE`, one a round."""
    return [process("-c", code, folder=options.folder).seconds for _ in range(options.rounds)]


def tables(options: Options) -> Iterator[Row]:
    """validate and split on a synthetic scan table of `options.table_rows`: seconds and peak memory of each."""
    folder = project(options.folder / "tables")
    (folder / "data/images").mkdir(parents=True)
    million(options.table_rows, seed=7).to_parquet(folder / SCAN, index=False)

    def run(stage: str) -> Run:
        return process("-m", f"stages.{stage}", folder=folder, weigh=own_peak)

    runs = in_turn({"validate": lambda _: run("validate"), "split": lambda _: run("split")}, options.rounds)
    name = f"{options.table_rows:,} rows"
    seconds = {stage: [one.seconds for one in each] for stage, each in runs.items()}
    together = {"validate and split": [sum(pair) for pair in zip(*seconds.values(), strict=True)]}
    for times in (*({stage: each} for stage, each in seconds.items()), together):
        yield from compare(name, "s", times, {"validate and split": "< 60"})
    for stage, each in runs.items():
        yield from compare(name, "MiB", {stage: [one.peak / MIB for one in each]}, {stage: "< 2048"})
