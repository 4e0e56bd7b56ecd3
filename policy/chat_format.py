"""How a conversation is written down for a backbone: its special tokens and what stands between pictures and words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from policy.config import BackboneName

LONGEST_INSTRUCTION = 32  # tokens that Octo's words have places for, the end included; its own 16 are too few for some of our tasks


@dataclass(frozen=True)
class ChatFormat:
    """`special_tokens` get the first ids of a small vocabulary, in this order. {system} is the system prompt.

    A row is: `before_images`, each picture's tokens within `around_image`, `after_images`, the user's words,
    `before_answer`, the answer, `end`; in a dialogue then `before_next`, words, `before_answer`, and so on. `token_ids`: fields of `policy.config.TextConfig` and the tokens they are of.
    `asks`: how an instruction is asked for, {} in lower case and without a full stop; None: as it is. `longest`: tokens of a user's words, of which later ones are left out.
    """

    name: str
    special_tokens: tuple[str, ...]
    pad: str
    image: str
    end: str
    before_images: str
    around_image: tuple[str, str]
    after_images: str
    before_answer: str
    before_next: str
    token_ids: Mapping[str, str] = field(default_factory=dict)
    asks: str | None = None
    longest: int | None = None

    def asked(self, instruction: str) -> str:
        """What the user says where an action is wanted."""
        return instruction if self.asks is None else self.asks.format(instruction.strip().rstrip(".").lower())


# Qwen2-VL's own template (ChatML).
CHATML = ChatFormat(
    name="Qwen2-VL",
    special_tokens=("<|endoftext|>", "<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>", "<|im_start|>", "<|im_end|>"),
    pad="<|endoftext|>",
    image="<|image_pad|>",
    end="<|im_end|>",
    before_images="<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n",
    around_image=("<|vision_start|>", "<|vision_end|>"),
    after_images="",
    before_answer="<|im_end|>\n<|im_start|>assistant\n",
    before_next="\n<|im_start|>user\n",
    token_ids={
        "pad_token_id": "<|endoftext|>",
        "image_token_id": "<|image_pad|>",
        "video_token_id": "<|video_pad|>",
        "vision_start_token_id": "<|vision_start|>",
        "vision_end_token_id": "<|vision_end|>",
    },
)
# PaliGemma knows no turns: pictures, <bos>, the prompt, a newline, the answer (arXiv:2407.07726, section 3.2.2). The
# system prompt, which it has none of either, stands before the words on a line of its own.
PALIGEMMA = ChatFormat(
    name="PaliGemma",
    special_tokens=("<pad>", "<image>", "<bos>", "<eos>"),
    pad="<pad>",
    image="<image>",
    end="<eos>",
    before_images="",
    around_image=("", ""),
    after_images="<bos>{system}\n",
    before_answer="\n",
    before_next="\n",
    token_ids={"pad_token_id": "<pad>", "image_token_id": "<image>"},
)

# OpenVLA asks a Llama-2 that was never taught to chat (policy.md 3.3), and puts pictures behind <s>. Llama has no token
# for a place in a text: <unk> stands there, which its words, cut into bytes if need be, never are. The system prompt is
# left out: the question itself tells control from understanding. Differs: pieces are encoded one by one, so that Llama's
# tokenizer puts a space before the line's end, and none stands before the actions.
OPENVLA = ChatFormat(
    name="OpenVLA",
    special_tokens=("<unk>", "<s>", "</s>", "<PAD>"),
    pad="<PAD>",
    image="<unk>",
    end="</s>",
    before_images="<s>",
    around_image=("", ""),
    after_images="In:",
    before_answer="\nOut:",
    before_next="In:",
    token_ids={"pad_token_id": "<PAD>", "image_token_id": "<unk>"},
    asks="What action should the robot take to {}?",
)
# LLaVA's words between a system prompt (here ChatVLA's), USER and ASSISTANT. Of Pythia's two special tokens <|padding|> is free.
LLAVA_PYTHIA = ChatFormat(
    name="Pythia",
    special_tokens=("<|endoftext|>", "<|padding|>"),
    pad="<|endoftext|>",
    image="<|padding|>",
    end="<|endoftext|>",
    before_images="{system} USER: ",
    around_image=("", ""),
    after_images="\n",
    before_answer=" ASSISTANT:",
    before_next="USER: ",
    token_ids={"pad_token_id": "<|endoftext|>", "image_token_id": "<|padding|>"},
)
# T5 reads the instruction and nothing else; two of the tokens of its pretraining stand for pictures and the readout.
OCTO = ChatFormat(
    name="T5",
    special_tokens=("<pad>", "</s>", "<unk>", "<extra_id_0>", "<extra_id_1>"),
    pad="<pad>",
    image="<extra_id_0>",
    end="</s>",
    before_images="",
    around_image=("", ""),
    after_images="",
    before_answer="</s><extra_id_1>",
    before_next="",
    token_ids={"pad_token_id": "<pad>", "image_token_id": "<extra_id_0>", "readout_token_id": "<extra_id_1>"},
    longest=LONGEST_INSTRUCTION - 1,
)

FORMATS: Mapping[BackboneName, ChatFormat] = {
    "qwen2_vl": CHATML,
    "paligemma": PALIGEMMA,
    "prismatic": OPENVLA,
    "llava_pythia": LLAVA_PYTHIA,
    "octo": OCTO,
}
