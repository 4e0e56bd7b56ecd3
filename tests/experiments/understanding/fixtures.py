"""Small benchmarks in their real formats, written by the tests: VLMEvalKit's TSV, Hugging Face's parquet, ERQA's TFRecord."""

import base64
import csv
import io
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from experiments.understanding.readers.tfrecord import masked_crc

LETTERS = "ABCD"
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def png(seed: int = 0, size: tuple[int, int] = (24, 32)) -> bytes:
    """A small picture of noise."""
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)).save(out, "PNG")
    return out.getvalue()


def cell(seed: int = 0) -> str:
    """A picture as a TSV cell."""
    return base64.b64encode(png(seed)).decode()


def write_tsv(path: Path, rows: list[dict[str, str]]) -> Path:
    """A table as pandas writes it."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, delimiter="\t", restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_parquet(folder: Path, name: str, rows: list[dict]) -> None:
    """A shard in two row groups; pictures as `datasets` stores them."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = {}
    for key in dict.fromkeys(key for row in rows for key in row):
        values = [row.get(key) for row in rows]
        if key.startswith("image"):
            many = any(isinstance(value, list) for value in values)
            stored = [[{"bytes": b, "path": None} for b in v] if isinstance(v, list) else v and {"bytes": v, "path": None} for v in values]
            columns[key] = pa.array(stored, pa.list_(IMAGE) if many else IMAGE)
        else:
            columns[key] = pa.array(values)
    pq.write_table(pa.table(columns), folder / name, row_group_size=max(1, len(rows) // 2))


def choices(n: int) -> list[dict[str, str]]:
    """n questions with four options, the right one going round."""
    return [{"question": f"Which one is number {i}?", **{c: f"thing {i}{c}" for c in LETTERS}, "answer": LETTERS[i % 4]} for i in range(n)]


def words(n: int) -> list[tuple[str, str]]:
    """n questions with answers of one word."""
    return [(f"What does sign {i} say?", f"word{i}") for i in range(n)]


def pairs(n: int) -> list[tuple[str, str, str]]:
    """(picture, question, answer): n pictures, of each one question with yes and one with no."""
    return [(f"p{i}", f"Is {said} in picture {i}? Please answer yes or no.", said) for i in range(n) for said in ("Yes", "No")]


def kit(name: str) -> tuple[str, list[dict[str, str]]]:
    """(file name, rows) of a benchmark as VLMEvalKit has it, a dozen questions or so."""
    def row(i: int, **cells: str) -> dict[str, str]:
        return {"index": str(i), "image": cell(i), **cells}

    choice = [row(i, category="kind", **c) for i, c in enumerate(choices(12))]
    tables = {
        "mmmu": ("MMMU_DEV_VAL", [
            *(r | {"split": "validation", "category": "Art"} for r in choice), row(12, question="How long?", answer="3.5", split="validation"), choice[0] | {"index": "13", "split": "dev"},
        ]),
        "mmstar": ("MMStar", choice), "ai2d": ("AI2D_TEST", choice), "realworldqa": ("RealWorldQA", choice),
        "mme": ("MME", [row(i, question=q, answer=a, category=("existence", "code_reasoning")[i // 6], image_path=p) for i, (p, q, a) in enumerate(pairs(6))]),
        "ocrbench": ("OCRBench", [row(i, question=q, answer=repr([a, a + "s"]), category="Scene Text-centric VQA") for i, (q, a) in enumerate(words(12))]),
        "hallusionbench": ("HallusionBench", [
            row(0, question=f"Is figure {f} {q}?", answer=("No", "Yes")[q], category="VD", **{"l2-category": "chart"}) | {"index": f"h_VD_chart_0_{f}_{q}"}
            for f in range(6) for q in range(2)
        ] + [{"index": "h_VS_chart_0_0_9", "question": "Without figure?", "answer": "Yes", "category": "VS", "l2-category": "chart"}]),
        "mmbench": ("MMBench_DEV_EN", [
            row(0, category="kind", **turned(c, k)) | {"index": str(i + k * 1_000_000), "image": cell(i) if k == 0 else str(i)}
            for i, c in enumerate(choices(4)) for k in range(4)
        ]),
        "textvqa": ("TextVQA_VAL", [row(i, question=q, answer=repr([a] * 10)) for i, (q, a) in enumerate(words(12))]),
        "docvqa": ("DocVQA_VAL", [row(i, question=q, answer=repr([a])) for i, (q, a) in enumerate(words(12))]),
        "infovqa": ("InfoVQA_VAL", [row(i, question=q, answer=repr([a])) for i, (q, a) in enumerate(words(12))]),
        "chartqa": ("ChartQA_TEST", [row(i, question=f"How high is bar {i}?", answer=str(100 + i), split=("test_human", "test_augmented")[i % 2]) for i in range(12)]),
        "mtvqa": ("MTVQA_TEST", [row(i, question=q, answer=a, category=("DE", "FR")[i % 2]) for i, (q, a) in enumerate(words(12))]),
        "erqa": ("ERQA", [row(i, question=in_text(c), answer=c["answer"], category="Pointing") for i, c in enumerate(choices(12))]),
    }  # fmt: skip
    file, rows = tables[name]
    return f"{file}.tsv", rows


def hub(name: str) -> tuple[str, list[dict]]:
    """(path of a shard, rows) of a benchmark as its Hugging Face repository has it."""
    choice = choices(12)
    lists = [{"question": q, "answers": [a] * 10, "image": png(i)} for i, (q, a) in enumerate(words(12))]
    texts = [in_text(c) for c in choice]
    tables = {
        "mmmu": ("MMMU/data/validation-00000-of-00001.parquet", [
            {"id": f"validation_Art_{i}", "question": c["question"] + " <image 1>", "options": repr([c[x] for x in LETTERS]), "question_type": "multiple-choice", "answer": c["answer"], "image_1": png(i), "image_2": None}
            for i, c in enumerate(choice)
        ] + [{"id": "validation_Math_1", "question": "How long?", "options": "[]", "question_type": "open", "answer": "3.5", "image_1": png(), "image_2": png(1)}]),
        "mmstar": ("MMStar/mmstar.parquet", [
            {"index": i, "question": f"{c['question']}\nOptions: " + ", ".join(f"{x}: {c[x]}" for x in LETTERS), "image": png(i), "answer": c["answer"], "category": "math", "l2_category": "x", "meta_info": "{}"}
            for i, c in enumerate(choice)
        ]),
        "ai2d": ("ai2d/data/test-00000-of-00001.parquet", [
            {"question": c["question"], "options": [c[x] for x in LETTERS], "answer": str(LETTERS.index(c["answer"])), "image": png(i)} for i, c in enumerate(choice)
        ]),
        "realworldqa": ("RealWorldQA/data/test-00000-of-00001.parquet", [
            *({"question": t, "answer": c["answer"], "image": png()} for t, c in zip(texts, choice, strict=True)),
            {"question": "How many lanes?\nPlease answer directly with a single word or number.", "answer": "2", "image": png()},
        ]),
        "mme": ("MME/data/test-00000-of-00001.parquet", [
            {"question_id": f"{p}.png", "image": png(), "question": q, "answer": a, "category": ("existence", "code_reasoning")[i // 6]} for i, (p, q, a) in enumerate(pairs(6))
        ]),
        "ocrbench": ("OCRBench/data/test-00000-of-00001.parquet", [
            {"dataset": "IIIT5K", "question": q, "question_type": "Regular Text Recognition", "answer": [a], "image": png(i)} for i, (q, a) in enumerate(words(12))
        ]),
        "hallusionbench": ("HallusionBench/data/image-00000-of-00001.parquet", [
            {"category": "VD", "subcategory": "chart", "set_id": "0", "figure_id": str(f), "question_id": str(q), "question": f"Is figure {f} {q}?", "gt_answer": str(q), "gt_answer_details": "", "visual_input": "1", "image": png()}
            for f in range(6) for q in range(2)
        ]),
        "mmbench": ("MMBench_EN/data/dev-00000-of-00001.parquet", [
            {"index": i + k * 1_000_000, "hint": "nan", "source": "x", "category": "kind", "l2-category": "k", "image": png(i), **turned(c, k)}
            for i, c in enumerate(choices(4)) for k in range(4)
        ]),
        "textvqa": ("textvqa/data/validation-00000-of-00001.parquet", [{"question_id": i, "ocr_tokens": ["x"], **r} for i, r in enumerate(lists)]),
        "docvqa": ("DocVQA/DocVQA/validation-00000-of-00001.parquet", [{"questionId": str(i), **r} for i, r in enumerate(lists)]),
        "infovqa": ("DocVQA/InfographicVQA/validation-00000-of-00001.parquet", [{"questionId": str(i), **r} for i, r in enumerate(lists)]),
        "chartqa": ("ChartQA/data/test-00000-of-00001.parquet", [
            {"type": "human_test", "question": f"How high is bar {i}?", "answer": str(100 + i), "image": png()} for i in range(12)
        ]),
        "mtvqa": ("MTVQA/data/test-00000-of-00001.parquet", [
            {"id": str(i), "lang": "DE", "image": png(i), "qa_pairs": repr([{"question": f"{q} {k}", "answer": a} for k in range(2)])} for i, (q, a) in enumerate(words(6))
        ]),
        "erqa": ("ERQA/data/test-00000-of-00001.parquet", [
            {"question_id": f"ERQA_{i}", "question": t, "question_type": "Pointing", "answer": c["answer"], "visual_indices": [0], "images": [png(i), png(i + 1)][: 1 + i % 2]}
            for i, (t, c) in enumerate(zip(texts, choice, strict=True))
        ]),
    }  # fmt: skip
    return tables[name]


def in_text(c: dict[str, str]) -> str:
    """A question with its options in the text, as RealWorldQA and ERQA have them."""
    options = " ".join(f"{x}. {c[x]}." for x in LETTERS)
    return f"{c['question']} Choices: {options} Please answer directly with only the letter of the correct option and nothing else."


def turned(c: dict[str, str], k: int) -> dict[str, str]:
    """A question with its options turned by k places."""
    texts = [c[x] for x in LETTERS]
    moved = texts[k:] + texts[:k]
    return {"question": c["question"], **dict(zip(LETTERS, moved, strict=True)), "answer": LETTERS[moved.index(c[c["answer"]])]}


def write_kit(folder: Path, name: str) -> Path:
    """A benchmark's TSV under `folder`."""
    file, rows = kit(name)
    return write_tsv(folder / file, rows)


def write_hub(folder: Path, name: str) -> Path:
    """A benchmark's parquet shard under `folder`."""
    file, rows = hub(name)
    write_parquet((folder / file).parent, Path(file).name, rows)
    return folder / file


def example(features: dict[str, list[bytes] | list[int]]) -> bytes:
    """A serialised tf.train.Example."""
    def field(number: int, data: bytes) -> bytes:
        return varint(number << 3 | 2) + varint(len(data)) + data

    entries = b""
    for key, values in features.items():
        if isinstance(values[0], bytes):
            feature = field(1, b"".join(field(1, v) for v in values if isinstance(v, bytes)))
        else:
            feature = field(3, field(1, b"".join(varint(v) for v in values if isinstance(v, int))))
        entries += field(1, field(1, key.encode()) + field(2, feature))
    return field(1, entries)


def varint(value: int) -> bytes:
    """Protobuf's variable-length integer."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def frame(payload: bytes) -> bytes:
    """A TFRecord frame."""
    length = struct.pack("<Q", len(payload))
    return length + struct.pack("<I", masked_crc(length)) + payload + struct.pack("<I", masked_crc(payload))


def write_erqa(path: Path, n: int = 12) -> Path:
    """ERQA's own file: a record a question, some with two pictures."""
    records = [
        example({
            "answer": [c["answer"].encode()], "image/encoded": [png(i), png(i + 1)][: 1 + i % 2], "question_type": [b"Multi-view Reasoning"],
            "visual_indices": [0] * (1 + i % 2), "question": [in_text(c).encode()],
        })
        for i, c in enumerate(choices(n))
    ]  # fmt: skip
    path.write_bytes(b"".join(map(frame, records)))
    return path
