"""Any image-text-to-text model of Hugging Face in a local folder answers questions; and the understanding path of our own.

The pictures stand before the words, in the model's own chat template where it has one. Nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor, Qwen2VLImageProcessorPil

from policy.answering import Limits, Question
from policy.chat_format import CHATML, FORMATS
from policy.export import CHAT_TEMPLATE, qwen2_vl_preprocessor
from policy.inference import ChatVLAPolicy
from policy.qwen_inputs import QwenInputs, set_pixels


class HfVlm:
    """A model with what turns pictures and words into its inputs; use `open` or `of_chatvla` to make one."""

    def __init__(self, model: Any, inputs: Any, prompt: str, before: str = "") -> None:
        self.model, self.inputs, self._before = model.eval(), inputs, before
        inputs.tokenizer.padding_side = "left"  # a batch's answers begin where its prompts end
        if inputs.tokenizer.pad_token is None:
            inputs.tokenizer.pad_token = inputs.tokenizer.eos_token
        self.facts = {"prompt": prompt, "pictures": "the protocol's pixels" if has_pixel_limits(inputs) else "the model's own size"}

    @classmethod
    def open(cls, path: str | Path) -> HfVlm:
        """The model in a folder, on a GPU in bfloat16 where there is one.

        Raises:
            ValueError: there is no such folder, or it holds no model of this kind; the message says what is missing.
        """
        path = Path(path)
        if not (path / "config.json").is_file():
            raise ValueError(f"no config.json in {path}; give the folder of a model, as `hf download` and `save_pretrained` leave it")
        device, dtype = ("cuda", torch.bfloat16) if torch.cuda.is_available() else ("cpu", torch.float32)
        try:
            inputs = open_inputs(path)
            model: Any = AutoModelForImageTextToText.from_pretrained(path, local_files_only=True, dtype=dtype)
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise ValueError(f"{path} cannot be opened as an image-text-to-text model: {str(error).strip().splitlines()[0]}") from error
        return cls(model.to(device), inputs, "the model's own chat template" if inputs.chat_template else "pictures, then the words")

    @classmethod
    def of_chatvla(cls, policy: ChatVLAPolicy) -> HfVlm:
        """The understanding path of a network that `is_plain`: it can look at a picture of any size."""
        settings: dict[str, Any] = {k: v for k, v in qwen2_vl_preprocessor(policy.model).items() if not k.endswith(("_type", "_class"))}
        inputs = QwenInputs(policy.processor.tokenizer, Qwen2VLImageProcessorPil(**settings), CHAT_TEMPLATE)
        vlm: Any = policy.model.vlm
        for parameter in vlm.parameters():  # norms too: nothing casts here (`policy.running`)
            parameter.data = parameter.data.to(vlm.get_input_embeddings().weight.dtype)
        return cls(vlm, inputs, "the network's own system prompt", " " if policy.processor.leading_space else "")

    @torch.inference_mode()
    def answer(self, questions: Sequence[Question], limits: Limits) -> list[str]:
        """One greedy answer per question; pixel limits apply to image processors that have them (Qwen2-VL's kin)."""
        if has_pixel_limits(self.inputs):
            set_pixels(self.inputs.image_processor, limits)
        texts = [self._prompt(question) for question in questions]
        made = self.inputs(images=[list(q.pictures) for q in questions], text=texts, padding=True, return_tensors="pt")
        batch = {k: v.to(self.model.device, self.model.dtype) if v.is_floating_point() else v.to(self.model.device) for k, v in made.items()}
        out = self.model.generate(
            **batch, max_new_tokens=limits.max_new_tokens, do_sample=False, num_beams=1, temperature=None, top_p=None, top_k=None,
            pad_token_id=self.inputs.tokenizer.pad_token_id,
        )  # fmt: skip
        said = out[:, batch["input_ids"].shape[1] :]
        return [text.strip() for text in self.inputs.tokenizer.batch_decode(said, skip_special_tokens=True)]

    def _prompt(self, question: Question) -> str:
        text = self._before + question.text
        if not self.inputs.chat_template:
            return str(getattr(self.inputs, "image_token", "<image>")) * len(question.pictures) + text
        content = [*({"type": "image"} for _ in question.pictures), {"type": "text", "text": text}]
        return self.inputs.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False)


def is_plain(policy: ChatVLAPolicy) -> bool:
    """Whether the network is a Qwen2-VL but for its control experts and head: no stem of its own."""
    config = policy.model.config
    return FORMATS[config.backbone] is CHATML and not config.options.conv_stem


def has_pixel_limits(inputs: Any) -> bool:
    """Whether the image processor resizes to a number of pixels, not to a size."""
    return hasattr(inputs.image_processor, "merge_size")


def open_inputs(path: Path) -> Any:
    """The folder's processor; where transformers wants torchvision for it (it has videos too), our own for Qwen's models.

    Raises:
        ValueError: it wants torchvision and is of another kind.
    """
    try:
        return AutoProcessor.from_pretrained(path, local_files_only=True)
    except ImportError as error:
        inputs = QwenInputs.open(path)
        if inputs is None:
            raise ValueError("its processor needs torchvision (pip install torchvision, of the build of your torch)") from error
        return inputs
