"""The understanding path of a checkpoint as a plain Qwen2-VL or PaliGemma folder: `python -m policy.export checkpoint=A out=B`.

What is left out are the control experts and the action head; transformers and all that builds on it open the rest.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from policy import checkpoint
from policy.chat_format import CHATML, FORMATS
from policy.chatvla import ChatVLA
from policy.config import ChatVLAConfig
from policy.experts import is_control_expert
from policy.pixels import MEAN, STD, TEMPORAL
from policy.processor import SYSTEM_PROMPTS

PLAIN = ("qwen2_vl", "paligemma")
USAGE = "python -m policy.export checkpoint=FOLDER out=FOLDER"
# Qwen2-VL's conversation with pictures where the content has them, under the system prompt of understanding.
CHAT_TEMPLATE = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\n" + SYSTEM_PROMPTS["understanding"] + "<|im_end|>\n{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def export(source: str | Path, out: str | Path) -> Path:
    """Writes the plain model, its tokenizer and how pictures are prepared.

    Raises:
        ValueError: the network has parts before its language model that no plain one has, or `out` is not empty.
        FileNotFoundError: `source` is no checkpoint.
    """
    out = Path(out)
    if out.is_dir() and any(out.iterdir()):
        raise ValueError(f"{out} is not empty; give a new folder")
    model, tokenizer = checkpoint.load(source)
    check_plain(model.config)
    weights = {k: v for k, v in model.vlm.state_dict().items() if not is_control_expert(k)}
    model.vlm.save_pretrained(out, state_dict=weights)
    tokenizer.save_pretrained(out)
    if FORMATS[model.config.backbone] is CHATML:
        (out / "chat_template.jinja").write_text(CHAT_TEMPLATE)
        _write(out / "preprocessor_config.json", qwen2_vl_preprocessor(model))
    return out


def check_plain(config: ChatVLAConfig) -> None:
    """Refuses a network that transformers cannot open.

    Raises:
        ValueError: naming what it has that a plain model has not.
    """
    if config.backbone not in PLAIN:
        raise ValueError(f"{config.name} is built on {config.backbone}, whose parts transformers has, but not the whole")
    if config.options.conv_stem:
        raise ValueError(f"{config.name} sees through a stem of its own (options.conv_stem), which no plain model has")
    if config.experts.kind not in ("static", "dense"):
        raise ValueError(f"{config.name} understands through {config.experts.kind} experts, which no plain model has")


def qwen2_vl_preprocessor(model: ChatVLA) -> dict[str, object]:
    """Qwen2VLImageProcessor's settings: pictures at any size, about as many pixels as in training."""
    vision, (height, width) = model.config.vision, model.config.image_size
    return {
        "image_processor_type": "Qwen2VLImageProcessor",
        "processor_class": "Qwen2VLProcessor",
        "patch_size": vision.patch_size,
        "merge_size": vision.spatial_merge_size,
        "temporal_patch_size": TEMPORAL,
        "image_mean": MEAN,
        "image_std": STD,
        "min_pixels": height * width,
        "max_pixels": height * width,
    }


def _write(path: Path, values: dict[str, object]) -> None:
    path.write_text(json.dumps(values, indent=1) + "\n")


def main(argv: Sequence[str]) -> int:
    """The command; exit code 2 for a mistake of the caller."""
    given = {key: value for key, _, value in (text.partition("=") for text in argv)}
    if set(given) != {"checkpoint", "out"}:
        print(USAGE)
        return 0 if {"-h", "--help"} & set(argv) else 2
    try:
        print(f"{export(given['checkpoint'], given['out'])} opens with transformers")
    except (ValueError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
