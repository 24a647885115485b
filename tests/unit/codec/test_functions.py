"""The functions that take dataclasses apart for Avro and put them together again."""

from dataclasses import dataclass

import numpy as np
import pytest

from pipeline.codec.functions import PackedArray, Plan, from_datum_of, to_datum_of
from pipeline.core.types import F32


@dataclass
class Sheet:
    """Its fields have the names of the functions' own variables."""

    value: F32
    shape: F32
    cls: str
    datum: int


PLAN = Plan(
    cls=Sheet,
    names=("value", "shape", "cls", "datum"),
    sizes=("rows", "columns"),
    arrays={
        "value": PackedArray(np.dtype("<f4"), ("rows", "columns", 2)),
        "shape": PackedArray(np.dtype("<f4"), ("columns",)),
    },
    converted={"datum": (str, int)},
)


def sheet(rows: int = 3, columns: int = 4, of_shape: int = 4) -> Sheet:
    values = np.arange(rows * columns * 2, dtype=np.float32).reshape(rows, columns, 2)
    return Sheet(values, np.arange(of_shape, dtype=np.float32), "word", 7)


@pytest.mark.parametrize("rows", [0, 3])
def test_a_value_comes_back_whatever_its_fields_are_called(rows: int) -> None:
    datum = to_datum_of(PLAN)(sheet(rows))
    back = from_datum_of(PLAN, writeable=False)(datum)

    assert (datum["rows"], datum["columns"], datum["datum"]) == (rows, 4, "7")
    np.testing.assert_array_equal(back.value, sheet(rows).value)
    np.testing.assert_array_equal(back.shape, sheet(rows).shape)
    assert (back.cls, back.datum) == ("word", 7)


@pytest.mark.parametrize("writeable", [False, True])
def test_arrays_may_be_changed_only_where_asked_for(writeable: bool) -> None:
    back = from_datum_of(PLAN, writeable=writeable)(to_datum_of(PLAN)(sheet()))

    assert back.value.flags.writeable == writeable


@pytest.mark.parametrize(
    "wrong",
    [
        sheet(of_shape=5),
        Sheet(sheet().value.astype(np.float64), sheet().shape, "word", 7),
        Sheet(sheet().value[:, :, :1], sheet().shape, "word", 7),
        Sheet(sheet().value[0], sheet().shape, "word", 7),
    ],
    ids=["another size", "another dtype", "another fixed size", "too few axes"],
)
def test_an_array_that_does_not_fit_is_named(wrong: Sheet) -> None:
    with pytest.raises(TypeError, match=r"Sheet\.(value|shape): float"):
        to_datum_of(PLAN)(wrong)


@pytest.mark.parametrize(
    "changed",
    [{"rows": 2}, {"rows": 4}, {"rows": -3, "columns": -4}, {"shape": b""}],
    ids=["bytes left", "bytes missing", "negative", "empty"],
)
def test_bytes_that_are_not_those_of_their_array_are_refused(changed: dict[str, object]) -> None:
    datum = to_datum_of(PLAN)(sheet()) | changed

    with pytest.raises((TypeError, ValueError)):
        from_datum_of(PLAN, writeable=False)(datum)
