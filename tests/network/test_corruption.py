import re
from io import BytesIO

import numpy as np
import pytest
import segno
from PIL import Image
from scipy.ndimage import gaussian_filter

from stages.common.cli import StageError
from stages.network import corruption
from stages.network.corruption import (
    CORRUPTIONS,
    MAX_CORRUPTED_SIDE,
    Corruption,
    augment,
    check_augment,
    random_source,
)
from stages.network.modules import MODULES
from stages.network.view import INPUT_SIDE, PICTURE
from stages.qr.image import square
from stages.qr.read import read_symbol

GENTLE = {"rotate": 10.0, "angle": 10.0, "darken": 0.5, "blur": 0.5, "noise": 10.0, "recompress": 50.0}


def drawn(side: int = 290) -> np.ndarray:
    file = BytesIO()
    segno.make_qr("https://a.example/", version=3, error="M").save(file, kind="png", scale=10)
    return square(np.array(Image.open(file).convert("L")), side)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def coloured(pixels: np.ndarray) -> np.ndarray:
    """The picture in red on white."""
    return np.dstack([np.full_like(pixels, 255), pixels, pixels])


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("pixels", [drawn(), coloured(drawn()), drawn()[:200, 5:]], ids=["grey", "RGB", "wide"])
def test_severity_0_changes_nothing_and_any_other_something(name: str, pixels: np.ndarray) -> None:
    before = pixels.copy()
    np.testing.assert_array_equal(CORRUPTIONS[name](pixels, 0, rng()), before)
    for severity in CORRUPTIONS[name].severities:
        corrupted = CORRUPTIONS[name](pixels, severity, rng())
        assert (corrupted.dtype, corrupted.ndim) == (np.uint8, pixels.ndim)
        assert not np.array_equal(corrupted, before)
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize("name", ["darken", "blur", "noise", "recompress"])
def test_more_severity_changes_more(name: str) -> None:
    pixels = drawn()
    corrupted = [CORRUPTIONS[name](pixels, severity, rng()) for severity in CORRUPTIONS[name].severities]
    harm = [float(np.abs(after.astype(int) - pixels).mean()) for after in corrupted]
    assert harm == sorted(set(harm))


@pytest.mark.parametrize("name", ["rotate", "angle", "noise"])
def test_chance_is_in_the_source_of_randomness_alone(name: str) -> None:
    severity = CORRUPTIONS[name].severities[1]
    results = [CORRUPTIONS[name](drawn(), severity, rng(seed)).tobytes() for seed in (0, 0, 1, 2, 3)]
    assert results[0] == results[1]
    assert len(set(results)) > 1


def test_a_turn_by_right_angles_loses_nothing() -> None:
    pixels = drawn()[:, 20:]  # not square
    np.testing.assert_array_equal(CORRUPTIONS["rotate"](pixels, 180, rng()), np.rot90(pixels, 2))
    turned = {CORRUPTIONS["rotate"](pixels, 90, rng(seed)).tobytes() for seed in range(10)}
    assert turned == {np.rot90(pixels, 1).tobytes(), np.rot90(pixels, 3).tobytes()}


@pytest.mark.parametrize("degrees", [3, 45, 100])
def test_a_turned_picture_is_whole_and_on_white(degrees: float) -> None:
    black = np.zeros((100, 60), np.uint8)
    turned = CORRUPTIONS["rotate"](black, degrees, rng())
    assert (255 - turned.astype(float)).sum() / 255 == pytest.approx(100 * 60, rel=0.01)
    assert turned[[0, 0, -1, -1], [0, -1, 0, -1]].min() > 200


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("degrees", [25, 55])
def test_a_tilted_picture_is_whole_and_foreshortened(degrees: float, seed: int) -> None:
    tilted = CORRUPTIONS["angle"](np.zeros((200, 200), np.uint8), degrees, rng(seed))
    dark = tilted < 128
    assert dark.mean() * dark.size == pytest.approx(200 * 200 * np.cos(np.radians(degrees)), rel=0.1)
    for edge in (dark[:2], dark[-2:], dark[:, :2], dark[:, -2:]):
        assert edge.any()
    # The near half is seen larger than the far one, so that the outline is not symmetric about the middle.
    assert (dark ^ np.rot90(dark, 2)).mean() > 0.02


@pytest.mark.parametrize("name", ["rotate", "angle"])
@pytest.mark.parametrize("seed", range(4))
def test_a_picture_is_never_mirrored(name: str, seed: int) -> None:
    reading = read_symbol(CORRUPTIONS[name](drawn(), 40, rng(seed)))
    assert reading.payload == "https://a.example/"
    assert not reading.mirrored


def test_blur_is_gaussian_and_the_same_at_any_resolution() -> None:
    pixels = drawn(INPUT_SIDE)
    expected = gaussian_filter(pixels.astype(float), 2, mode="nearest")
    assert np.abs(CORRUPTIONS["blur"](pixels, 2, rng()) - expected).mean() < 2
    large = CORRUPTIONS["blur"](np.kron(pixels, np.ones((4, 4), np.uint8)), 2, rng())
    assert np.abs(square(large, INPUT_SIDE) - expected).mean() < 2


@pytest.mark.parametrize("side", [50, INPUT_SIDE, 4 * INPUT_SIDE, 370])
@pytest.mark.parametrize("deviation", [10, 25])
def test_noise_has_its_deviation_in_the_picture(side: int, deviation: float) -> None:
    noisy = CORRUPTIONS["noise"](np.full((side, side), 128, np.uint8), deviation, rng())
    assert noisy.mean() == pytest.approx(128, abs=2)
    assert noisy.std() == pytest.approx(deviation, rel=0.1)
    if side == 4 * INPUT_SIDE:
        assert square(noisy, INPUT_SIDE).std() == pytest.approx(deviation, rel=0.1)


def test_noise_is_grey() -> None:
    noisy = CORRUPTIONS["noise"](np.full((60, 60, 3), 128, np.uint8), 25, rng())
    assert (noisy == noisy[:, :, :1]).all()


def test_darkness_takes_its_share_of_the_light() -> None:
    dark = CORRUPTIONS["darken"](np.array([[0, 100, 255]], np.uint8), 0.7, rng())
    assert dark.tolist() == [[0, 30, 76]]


def test_a_recompressed_picture_keeps_its_colours() -> None:
    pixels = np.full((32, 32, 3), (200, 40, 90), np.uint8)
    np.testing.assert_allclose(CORRUPTIONS["recompress"](pixels, 20, rng()).astype(int), pixels, atol=4)


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("shape", [(1, 1), (2, 60_000), (60_000, 2, 3)])
def test_a_picture_of_any_shape_stays_within_bounds(name: str, shape: tuple[int, ...]) -> None:
    corrupted = CORRUPTIONS[name](np.zeros(shape, np.uint8), CORRUPTIONS[name].severities[2], rng())
    assert corrupted.shape[2:] == shape[2:]
    assert max(corrupted.shape) <= 1.5 * MAX_CORRUPTED_SIDE


@pytest.mark.parametrize("pixels", [drawn(INPUT_SIDE), coloured(drawn(INPUT_SIDE))], ids=["grey", "RGB"])
def test_augmented_pictures_differ_keep_their_shape_and_can_be_read(pixels: np.ndarray) -> None:
    augmented = [augment(pixels, GENTLE, seed) for seed in range(8)]
    assert {after.shape for after in augmented} == {pixels.shape}
    assert len({after.tobytes() for after in augmented}) == 8
    read_back = [read_symbol(after if after.ndim == 2 else after[:, :, 1]).payload for after in augmented]
    assert read_back.count("https://a.example/") >= 7


def test_augmentation_goes_up_to_its_largest_severity() -> None:
    white = np.full((8, 8), 255, np.uint8)
    light = [augment(white, {"darken": 0.4}, seed).max() / 255 for seed in range(60)]
    assert 0.6 <= min(light) < 0.65
    assert 0.95 < max(light) <= 1


def test_augmentation_does_not_depend_on_the_order_of_its_names() -> None:
    there, back = (augment(drawn(INPUT_SIDE), dict(items), 0) for items in (GENTLE.items(), reversed(GENTLE.items())))
    np.testing.assert_array_equal(there, back)


def test_nothing_is_augmented_by_zero_or_nothing() -> None:
    for largest in ({}, dict.fromkeys(CORRUPTIONS, 0.0)):
        np.testing.assert_array_equal(augment(drawn(INPUT_SIDE), largest, 0), drawn(INPUT_SIDE))


def test_the_random_numbers_of_a_corruption_depend_on_its_name_and_the_seed_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pixels, several = drawn(INPUT_SIDE), {"noise": 20.0, "recompress": 50.0}
    before, alone = augment(pixels, several, 1, 2), random_source("noise", 1, 2).random(4)
    assert not np.array_equal(alone, random_source("blur", 1, 2).random(4))
    assert not np.array_equal(alone, random_source("noise", 1, 3).random(4))
    other = Corruption(lambda pixels, severity, rng: pixels, "another", "unit", (0.1,), 1)
    # In front of all others, so that the place of each changes.
    monkeypatch.setattr(corruption, "CORRUPTIONS", {"other": other} | CORRUPTIONS)
    np.testing.assert_array_equal(augment(pixels, several | {"other": 1.0}, 1, 2), before)


def test_the_row_of_a_corruption_makes_sense() -> None:
    for row in CORRUPTIONS.values():
        assert row.title and row.unit
        assert list(row.severities) == sorted(set(row.severities))
        assert row.severities[0] > 0 and row.severities[-1] <= row.largest


def test_every_largest_severity_can_be_augmented_with() -> None:
    largest = {name: row.largest for name, row in CORRUPTIONS.items()}
    check_augment(largest, PICTURE)
    for name, severity in largest.items():
        after = CORRUPTIONS[name](drawn(INPUT_SIDE), severity, rng())
        assert after.dtype == np.uint8


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        ({"blurr": 1.0}, "unknown key augment.blurr; did you mean augment.blur?"),
        ({"xyz": 1.0}, f"unknown key augment.xyz; one of: {', '.join(CORRUPTIONS)}"),
        ({"nois": 0.0}, "unknown key augment.nois; did you mean augment.noise?"),
        ({"angle": 90.0}, "augment.angle is 90: it must be from 0 to 60 (degrees)"),
        ({"darken": 1.0}, "augment.darken is 1: it must be from 0 to 0.99 (share of the light)"),
        ({"noise": -1.0}, "augment.noise is -1"),
        ({"noise": float("nan")}, "augment.noise is nan"),
        ({"blur": 11.0, "noise": -1.0}, "from 0 to 10 (pixels of 224)\nparams.yaml: augment.noise is -1: "),
    ],
)
def test_what_cannot_be_augmented_with_is_an_error_that_says_what_can(augment: dict[str, float], message: str) -> None:
    with pytest.raises(StageError, match=re.escape(message)):
        check_augment(augment, PICTURE)


def test_corruptions_are_for_networks_that_take_pictures() -> None:
    with pytest.raises(
        StageError, match=r"augment\.blur is for networks that take pictures, and this one takes modules"
    ):
        check_augment({"blur": 1.0, "noise": 0.0}, MODULES)
    check_augment({"blur": 0.0}, MODULES)
