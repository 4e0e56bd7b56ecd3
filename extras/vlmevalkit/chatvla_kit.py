"""Runs VLMEvalKit's data sets with our checkpoints or any image-text-to-text folder: see extras/README.md."""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image
from vlmeval.dataset import build_dataset
from vlmeval.inference import infer_data_job
from vlmeval.vlm.base import BaseModel
from vlmeval.vlm.qwen2_vl.prompt import Qwen2VLPromptMixin

from experiments.understanding.protocols import PROTOCOLS
from experiments.understanding.stage import make_answerer
from policy.answering import Answerer, Question


class ChatVlaKit(Qwen2VLPromptMixin, BaseModel):
    """VLMEvalKit's model interface over one of our answerers, with its prompts for Qwen2-VL and our protocol's limits."""

    INSTALL_REQ = False
    INTERLEAVE = True

    def __init__(self, answerer: Answerer, protocol: str) -> None:
        super().__init__(use_custom_prompt=True)
        self.answerer, self.protocol = answerer, PROTOCOLS[protocol]

    def generate_inner(self, message: list[dict[str, str]], dataset: str | None = None) -> str:
        """The answer to one message: its pictures, then its texts."""
        pictures = tuple(Image.open(part["value"]).convert("RGB") for part in message if part["type"] == "image")
        text = "".join(part["value"] for part in message if part["type"] == "text")
        limits = self.protocol.limits_of("ocrbench" if dataset == "OCRBench" else "")
        return self.answerer.answer([Question(pictures, text)], limits)[0]


def main() -> None:
    """The command: answer a data set, and have the kit score it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policy", default="hf_vlm", help="hf_vlm, or a policy of this project such as chatvla_tiny")
    parser.add_argument("--path", type=Path, required=True, help="folder of the weights")
    parser.add_argument("--data", required=True, help="VLMEvalKit's name of the data set")
    parser.add_argument("--protocol", default="chatvla_release", choices=sorted(PROTOCOLS))
    parser.add_argument("--out", type=Path, default=Path("outputs/vlmevalkit"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    model = ChatVlaKit(make_answerer(args.policy, args.path), args.protocol)
    dataset = build_dataset(args.data)
    name = args.path.name
    infer_data_job(model=model, work_dir=str(args.out), model_name=name, dataset=dataset)
    print(dataset.evaluate(str(args.out / f"{name}_{args.data}.xlsx"), model="exact_matching"))


if __name__ == "__main__":
    main()
