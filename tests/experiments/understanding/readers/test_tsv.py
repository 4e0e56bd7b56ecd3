"""VLMEvalKit's TSV: cells of any size, pictures of other rows, several pictures; broken rows are named."""

import pytest

from experiments.understanding.readers.tsv import TsvSource
from experiments.understanding.sample import BadRow, BadRowError
from tests.experiments.understanding.fixtures import cell, png, write_tsv


def table(tmp_path, rows):
    return TsvSource(write_tsv(tmp_path / "T.tsv", rows))


def test_a_cell_may_be_larger_than_csvs_default_limit(tmp_path):
    source = table(tmp_path, [{"index": "0", "image": "QUJD" * 100_000, "question": "q", "answer": "a"}])
    assert source.pictures(0) == [b"ABC" * 100_000]


def test_text_over_several_lines_and_quotes_do_not_shift_the_rows_behind_them(tmp_path):
    rows = [{"index": str(i), "image": cell(i), "question": f'say "{i}"\n\ttwice', "answer": "a"} for i in range(4)]
    source = table(tmp_path, rows)
    assert [row["question"] for row in source.rows() if isinstance(row, dict)] == [row["question"] for row in rows]
    assert [source.pictures(i)[0] for i in (3, 0, 2)] == [png(3), png(0), png(2)]


def test_a_short_cell_is_the_row_that_has_the_picture(tmp_path):
    rows = [{"index": "7", "image": cell(1), "question": "q", "answer": "A"}, {"index": "1000007", "image": "7", "question": "q", "answer": "B"}]
    source = table(tmp_path, [*rows, {"index": "9", "image": "8", "question": "q", "answer": "B"}])
    assert source.pictures(1) == source.pictures(0) == [png(1)]
    with pytest.raises(BadRowError, match="its image is '8', which is no row's index"):
        source.pictures(2)


def test_a_cell_may_be_a_list_of_pictures(tmp_path):
    for text in (repr([cell(0), cell(1)]), f'["{cell(0)}", "{cell(1)}"]'):
        assert table(tmp_path, [{"index": "0", "image": text, "question": "q", "answer": "a"}]).pictures(0) == [png(0), png(1)]


def test_pictures_may_lie_beside_the_table(tmp_path):
    folder = tmp_path / "images" / "T"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(png())
    source = table(tmp_path, [{"index": "0", "image_path": "a.png", "question": "q"}, {"index": "1", "image_path": "b.png", "question": "q"}])
    assert source.pictures(0) == [png()]
    with pytest.raises(BadRowError, match=r"no picture b\.png in"):
        source.pictures(1)


def test_a_broken_row_is_named_and_its_neighbours_are_read(tmp_path):
    path = write_tsv(tmp_path / "T.tsv", [{"index": str(i), "image": cell(i), "question": "q", "answer": "a"} for i in range(3)])
    lines = path.read_bytes().split(b"\r\n")
    path.write_bytes(b"\r\n".join([lines[0], lines[1], b"1\tno picture", lines[3].replace(b"\tq\t", b"\t\xff\t"), b""]))
    rows = list(TsvSource(path).rows())
    assert rows[1:] == [BadRow(1, "", "2 cells, expected 4"), BadRow(2, "2", "not UTF-8")]
    assert TsvSource(path).pictures(0) == [png(0)]


def test_what_is_no_base64_is_named(tmp_path):
    with pytest.raises(BadRowError, match="its image is no base64"):
        table(tmp_path, [{"index": "0", "image": "!" * 100, "question": "q"}]).pictures(0)
