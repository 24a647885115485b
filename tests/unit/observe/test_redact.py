from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.redact import is_secret, redact

PASSWORDS = st.text(
    st.characters(codec="ascii", exclude_characters=" '\"\\&;,", categories=("L", "N", "P", "S")), min_size=3
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://admin:hunter2@10.0.0.7:554/stream?x=1", "rtsp://admin:***@10.0.0.7:554/stream?x=1"),
        ("rtsp://admin:p@ss/w:rd@10.0.0.7/1", "rtsp://admin:***@10.0.0.7/1"),
        (
            "cannot reach postgresql://u:pw@db/x, try postgresql://u:pw@db2/x",
            "cannot reach postgresql://u:***@db/x, try postgresql://u:***@db2/x",
        ),
        ("host=db password='a b\\' c' user=me", "host=db password=*** user=me"),
        ("https://h/hook?token=abc&x=1", "https://h/hook?token=***&x=1"),
        ('{"webhook_secret": "abc", "n": 1}', '{"webhook_secret": ***, "n": 1}'),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("PGPASSWORD=abc", "PGPASSWORD=***"),
    ],
)
def test_passwords_are_hidden(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "wrong password: check database.dsn",
        "sim://gym?people=3&seed=7",
        "rtsp://10.0.0.7:554/stream",
        "stage track at 12:30, write to a@b.example",
        "postgresql://reader@db/posebus",
    ],
)
def test_other_texts_stay(text: str) -> None:
    assert redact(text) == text


@given(PASSWORDS)
def test_no_password_of_a_url_is_left(password: str) -> None:
    marked = f"<<{password}>>"

    assert marked not in redact(f"could not open rtsp://user:{marked}@camera/1: refused")


@given(st.text())
def test_twice_is_the_same(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize("name", ["password", "webhook_secret", "api_key", "Token", "db.password"])
def test_secret_names(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["tokens_per_s", "secretary", "camera", "key"])
def test_other_names(name: str) -> None:
    assert not is_secret(name)
