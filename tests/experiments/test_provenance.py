"""What a row says of the machine that it was made on."""

from __future__ import annotations

from experiments.provenance import gpus, versions


def test_gpus_are_told_as_their_driver_tells_them(tmp_path):
    for number, text in enumerate(["Model: \t\t NVIDIA H100 80GB HBM3\nIRQ: 1\n", "IRQ: 2\n"]):
        (tmp_path / f"0000:{number}").mkdir()
        (tmp_path / f"0000:{number}" / "information").write_text(text)
    assert gpus(tmp_path) == ["NVIDIA H100 80GB HBM3"]


def test_a_machine_without_a_gpu_says_nothing_of_one(tmp_path, monkeypatch):
    assert gpus(tmp_path / "none") == []
    monkeypatch.setattr("experiments.provenance.gpus", lambda: [])
    assert "gpu" not in versions()
