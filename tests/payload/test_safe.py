import pytest

from stages.payload import safe


@pytest.mark.parametrize(
    ("payload", "harmless"),
    [
        ("https://a.b.example/x.php", "hxxps://a[.]b[.]example/x[.]php"),
        ("HTTP://A.example", "hxxp://A[.]example"),
        ("ftp://a.example/", "fxp://a[.]example/"),
        ("http://192.0.2.7/", "hxxp://192[.]0[.]2[.]7/"),
        ("see https://a.example/ and http://b.test", "see hxxps://a[.]example/ and hxxp://b[.]test"),
        ("www.a.example", "www[.]a[.]example"),
        ("javascript:alert(1)", "javascript[:]alert(1)"),
        ("plain text", "plain text"),
        ("", ""),
    ],
)
def test_a_defanged_payload_cannot_be_clicked(payload: str, harmless: str) -> None:
    assert safe.defang(payload).casefold() == harmless.casefold()


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("https:\\\\a.example", "hxxps:\\\\a.example"),
        ("xhttp:/a.example", "xhxxp:/a.example"),
        ("file:///etc/passwd", "file[:]///etc/passwd"),
        ("smb://a.example/share", "smb[:]//a.example/share"),
        ("Data:text/html,x", "Data[:]text/html,x"),
        ("mailto:a@b.example?x=tel:1", "mailto[:]a@b.example?x=tel[:]1"),
        ("upi://pay?pa=x", "upi[:]//pay?pa=x"),
        ("some-thing+new://x", "some-thing+new[:]//x"),
        ("ms-msdt:/id", "ms-msdt[:]/id"),
        ("FTPS://a.example", "FxPS://a.example"),
    ],
)
def test_no_scheme_stays_live_and_none_is_changed_twice(text: str, harmless: str) -> None:
    assert safe.clean(text) == harmless
    assert safe.clean(harmless) == harmless


@pytest.mark.parametrize(
    "text",
    [
        "https: AUC 0.61",
        "the data: 12 files",
        "12:30",
        "metadata:x",
        "label:benign",
        "C:\\images\\a.png",
        "a::b",
        "x: y",
    ],
)
def test_words_before_a_colon_stay(text: str) -> None:
    assert safe.clean(text) == text
