"""Any image-text-to-text model of Hugging Face in a local folder answers questions; and the understanding path of our own.

The pictures stand before the words, in the model's own chat template where it has one. Nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor, AutoTokenizer, Qwen2VLImageProcessor

from policy.answering import Limits, Question
from policy.chat_format import CHATML, FORMATS
from policy.export import CHAT_TEMPLATE, qwen2_vl_preprocessor
from policy.inference import ChatVLAPolicy


class HfVlm:
    """A model with what turns pictures and words into its inputs; use `open` or `of_chatvla` to make one."""

    def __init__(self, model: Any, inputs: Any, facts: dict[str, str]) -> None:
        self.model, self.inputs, self.facts = model.eval(), inputs, facts
        self.inputs.tokenizer.padding_side = "left"  # a batch's answers begin where its prompts end
        if self.inputs.tokenizer.pad_token is None:
            self.inputs.tokenizer.pad_token = self.inputs.tokenizer.eos_token

    @classmethod
    def open(cls, path: str | Path) -> HfVlm:
        """The model in a folder, on a GPU in bfloat16 where there is one.

        Raises:
            ValueError: there is no such folder, or it holds no model of this kind; the message says what is missing.
        """
        path = Path(path)
        if not (path / "config.json").is_file():
            raise ValueError(f"no config.json in {path}; give the folder of a model, as `hf download` or `save_pretrained` leave it")
        device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            model = AutoModelForImageTextToText.from_pretrained(
                path, local_files_only=True, dtype=torch.bfloat16 if device == "cuda" else torch.float32
            )
            inputs = open_processor(path)
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise ValueError(f"{path} cannot be opened as an image-text-to-text model: {str(error).strip().splitlines()[0]}") from error
        return cls(model.to(device), inputs, {"prompt": "the model's own chat template" if _template(inputs) else "no chat template: pictures, then the words"})

    @classmethod
    def of_chatvla(cls, policy: ChatVLAPolicy) -> HfVlm:
        """The understanding path of a Qwen2-VL network without a stem, which can look at a picture of any size."""
        tokenizer = policy.processor.tokenizer
        settings = {k: v for k, v in qwen2_vl_preprocessor(policy.model).items() if not k.endswith(("_type", "_class"))}
        inputs = Qwen2VlInputs(tokenizer, Qwen2VLImageProcessor(**settings), CHAT_TEMPLATE)
        return cls(policy.model.vlm, inputs, {"prompt": "the network's own system prompt"})

    @torch.inference_mode()
    def answer(self, questions: Sequence[Question], limits: Limits) -> list[str]:
        """One greedy answer per question; pixel limits apply to image processors that have them (Qwen2-VL's kin)."""
        set_pixels(self.inputs.image_processor, limits)
        texts = [self._prompt(question) for question in questions]
        batch = self.inputs(images=[list(q.pictures) for q in questions], text=texts, padding=True, return_tensors="pt")
        batch = {k: v.to(self.model.device, self.model.dtype if v.is_floating_point() else None) for k, v in batch.items()}
        out = self.model.generate(
            **batch, max_new_tokens=limits.max_new_tokens, do_sample=False, num_beams=1, temperature=None, top_p=None, top_k=None,
            pad_token_id=self.inputs.tokenizer.pad_token_id,
        )  # fmt: skip
        said = out[:, batch["input_ids"].shape[1] :]
        return [text.strip() for text in self.inputs.tokenizer.batch_decode(said, skip_special_tokens=True)]

    def _prompt(self, question: Question) -> str:
        if not _template(self.inputs):
            return str(getattr(self.inputs, "image_token", "<image>")) * len(question.pictures) + question.text
        content = [*({"type": "image"} for _ in question.pictures), {"type": "text", "text": question.text}]
        return self.inputs.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False)
