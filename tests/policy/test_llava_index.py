"""The index of a large JSON file: every record where it stands, whatever is written in its strings, and little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from policy import llava_index
from policy.llava_index import BrokenRecord, LlavaIndex

# Braces, quotes and backslashes in strings; nested objects; what is not ASCII.
RECORDS = [
    {"id": "a", "conversations": [{"from": "human", "value": 'a "}{" b'}], "meta": {"x": {"y": "}"}}},
    {"id": "b\\", "value": "\\\\\" {"},
    {"id": "ü{", "value": "line\nline", "empty": {}},
    {"id": "d", "value": "\\" * 7 + '"'},
]


def written(path: Path, kind: str) -> Path:
    texts = [json.dumps(r, ensure_ascii=False) for r in RECORDS]
    if kind == "lines":
        path.write_text("\n".join(texts[:2]) + "\n\n" + "\n".join(texts[2:]))  # an empty line, no last line end
    else:
        path.write_text(json.dumps(RECORDS, ensure_ascii=False, indent=2 if kind == "indented" else None))
    return path


@pytest.mark.parametrize("block", [1, 2, 3, 7, 64, 1 << 22])
@pytest.mark.parametrize("kind", ["lines", "array", "indented"])
def test_every_record_is_found_wherever_a_block_ends(tmp_path, monkeypatch, kind, block):
    monkeypatch.setattr(llava_index, "BLOCK_BYTES", block)
    index = LlavaIndex.of(written(tmp_path / "data.json", kind), tmp_path)
    assert [index.record(i) for i in range(len(index))] == RECORDS


def test_an_index_is_made_once_and_anew_for_another_file(tmp_path, monkeypatch):
    path = written(tmp_path / "data.json", "lines")
    first = LlavaIndex.of(path, tmp_path / "index")
    monkeypatch.setattr(llava_index, "find_records", lambda path: pytest.fail("made again"))
    assert LlavaIndex.of(path, tmp_path / "index") == first
    monkeypatch.undo()
    path.write_text(json.dumps(RECORDS[0]))
    assert len(LlavaIndex.of(path, tmp_path / "index")) == 1


@pytest.mark.parametrize(("text", "why"), [("{]", "no JSON"), ("[1]", "a list, expected an object")])
def test_a_broken_line_is_told_when_it_is_read(tmp_path, text, why):
    path = tmp_path / "data.jsonl"
    path.write_text(f'{{"id": 1}}\n{text}\n{{"id": 2}}\n')
    index = LlavaIndex.of(path, tmp_path)
    assert (index.record(0)["id"], index.record(2)["id"]) == (1, 2)
    with pytest.raises(BrokenRecord, match=why):
        index.record(1)


def test_files_that_are_none_say_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no visual-text data at .*give train.llava="):
        LlavaIndex.of(tmp_path / "none.json", tmp_path)
    (tmp_path / "empty.json").touch()
    with pytest.raises(ValueError, match="is empty"):
        LlavaIndex.of(tmp_path / "empty.json", tmp_path)
    (tmp_path / "half.json").write_text('[{"id": 1}, {"id": ')
    with pytest.raises(ValueError, match=r"ends inside record that begins at byte 12; it is cut off"):
        LlavaIndex.of(tmp_path / "half.json", tmp_path)


MEASURE = """
import resource, sys
from pathlib import Path
from policy.llava_index import LlavaIndex
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
small = LlavaIndex.of(Path(sys.argv[1]), Path(sys.argv[3]))
small.record(len(small) - 1)
before = peak()
large = LlavaIndex.of(Path(sys.argv[2]), Path(sys.argv[3]))
large.record(len(large) - 1)
print(len(large), peak() - before)
"""


def test_memory_does_not_grow_with_the_file(tmp_path):
    """A file of 80 MB after one of 8: less than 8 MB more."""
    record = json.dumps({"id": "x", "conversations": [{"from": "human", "value": "w" * 4000}]})
    for name, count in (("small.json", 2000), ("large.json", 20_000)):
        with (tmp_path / name).open("w") as file:
            file.write("[" + record)
            for _ in range(count - 1):
                file.write(",\n" + record)
            file.write("]")
    arguments = [sys.executable, "-c", MEASURE, str(tmp_path / "small.json"), str(tmp_path / "large.json"), str(tmp_path)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    count, grown_kb = map(int, done.stdout.split())
    assert count == 20_000
    assert grown_kb < 8000
