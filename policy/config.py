"""What a network is made of, as immutable data; the defaults are ChatVLA-2B's. `policy.presets` has the named ones."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any, Literal, TypeVar, get_type_hints

from envs.types import ACTION_DIM, AGENT_POS_DIM, CAMERAS, HORIZON

Prediction = Literal["epsilon", "sample"]
HeadKind = Literal["dit", "unet", "flow", "readout", "tokens"]
BackboneName = Literal["qwen2_vl", "paligemma"]
ExpertKind = Literal["static", "dense", "dense_wide", "dynamic"]
Reasoning = Literal["none", "film", "latter", "former", "all", "chain"]
INJECTED: tuple[Reasoning, ...] = ("latter", "former", "all")  # into the head's blocks, instead of by FiLM before it
T = TypeVar("T")


@dataclass(frozen=True)
class TextConfig:
    """The language model; the defaults are Qwen2-VL-2B-Instruct's config.json."""

    vocab_size: int = 151936
    hidden_size: int = 1536
    intermediate_size: int = 8960
    layers: int = 28
    heads: int = 12
    kv_heads: int = 2
    mrope_section: tuple[int, ...] = (16, 24, 24)  # half the head's width: time, height, width
    rope_theta: float = 1e6
    max_positions: int = 32768
    initializer_range: float = 0.02
    pad_token_id: int = 151643
    image_token_id: int = 151655
    video_token_id: int = 151656
    vision_start_token_id: int = 151652
    vision_end_token_id: int = 151653
    tied: bool = True  # words are read and spoken through one matrix
    head_dim: int | None = None  # None: hidden_size / heads

    @property
    def head_width(self) -> int:
        """Width of an attention head."""
        return self.head_dim or self.hidden_size // self.heads


@dataclass(frozen=True)
class ExpertsConfig:
    """What stands in the place of each layer's feed-forward network.

    kind: `static`, ChatVLA's two experts, of which the task chooses one for the whole row; `dynamic`, ChatVLA-2's
    `count` experts, of which a router chooses `top_k` for each token; `dense`, one network for everything; `dense_wide`,
    one as large as two experts, the control that tells experts from mere size (ChatVLA's "3B dense").
    """

    kind: ExpertKind = "static"
    count: int = 8  # of `dynamic`
    top_k: int = 2

    def __post_init__(self) -> None:
        if not 1 <= self.top_k <= self.count:
            raise ValueError(f"top_k is {self.top_k} of {self.count} experts; expected 1 to {self.count}")


DENSE = ExpertsConfig("dense")


@dataclass(frozen=True)
class VisionConfig:
    """The vision tower; the defaults are Qwen2-VL's."""

    depth: int = 32
    embed_dim: int = 1280
    heads: int = 16
    patch_size: int = 14
    spatial_merge_size: int = 2
    initializer_range: float = 0.02
    mlp_width: int = 5120  # of Qwen2-VL's tower always four times its own


@dataclass(frozen=True)
class HeadConfig:
    """The action head; the defaults are ChatVLA's DiT-L (ScaleDP_L) and its DDIM schedule.

    kind: dit (ChatVLA, DexVLA), unet (DiVLA, TinyVLA), flow (pi0), readout (Octo), or tokens: actions are words of the
    language model (OpenVLA). A flow head has the language model's layers and heads, a U-Net its `widths`.
    """

    width: int = 1024
    depth: int = 24
    heads: int = 16
    train_steps: int = 100
    inference_steps: int = 10
    prediction: Prediction = "epsilon"
    """`sample` predicts the clean actions. research/policy_probe.md: at a small budget a DiT with x0-prediction
    reached 39/40 rollouts and one with epsilon 3/40 (that pair differs in five things at once)."""
    noise_samples: int = 1
    """Noised copies of each chunk per step; the network behind the head runs once for all of them."""
    kind: HeadKind = "dit"
    widths: tuple[int, ...] = (256, 512, 1024)
    mlp_width: int | None = None  # of a flow head's layers; None: four times its width


@dataclass(frozen=True)
class Options:
    """Additions to the paper that the tiny presets turn on, each with the measurement that chose it; the paper's networks have none."""

    conv_stem: bool = False
    """Two strided convolutions before the patch tokens, plus 2-D positions and a camera embedding.
    research/train_probe.md section 4: from chance (15.4 cm) to "finds the cubes" (11.3 cm) on a localisation toy."""
    linear_patch_embed: bool = False
    """Run the Conv3d patch embedding as the matrix product that it is; same weights.
    research/train_probe.md section 3: Conv3d takes 69 % of a bf16 CPU step, 1.9 of 2.8 s."""
    plain_attention: bool = False
    """Attention as two matrix products instead of the fused CPU kernel, vision batched instead of looped by image.
    research/vlm_probe.md: 0.69 -> 0.47 s a step."""
    keypoint_readout: bool = False
    """Spatial-softmax keypoints from the stem's map, conditioned on the language model's state, into the head.
    research/train_probe.md section 4: 11.1 -> 0.31 cm against the same model without it."""
    image_words: bool = False
    """Image tokens must name, through the tied embedding, what lies under them.
    research/vlm_probe.md: mean accuracy 60 -> 86 % at the same time; questions alone stay at 57 %."""
    object_positions: bool = False
    """Predict where the object in hand and its goal are (auxiliary loss), and give the head both relative to the
    gripper. research/policy_probe.md: the localising loss and these inputs are in every run that reached 39-40/40."""
    condition_mlp: bool = False
    """One hidden layer between the condition and the DiT's width instead of the paper's single Linear.
    research/policy_probe.md: the heads that reached 39-40/40 read the keypoints through such a trunk."""


@dataclass(frozen=True)
class LossWeights:
    """Factors of the summed loss; the paper's are lm 1 and action 1. `balance`: of dynamic experts, off unless it is set."""

    lm: float = 1.0
    action: float = 1.0
    words: float = 1.0
    positions: float = 1.0
    balance: float = 0.0


@dataclass(frozen=True)
class ChatVLAConfig:
    """A whole network. Images enter at `image_size` (height, width); the model reduces the wrist's to `wrist_size`."""

    name: str = "chatvla_2b"
    text: TextConfig = field(default_factory=TextConfig)
    vision: VisionConfig = field(default_factory=VisionConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    options: Options = field(default_factory=Options)
    loss: LossWeights = field(default_factory=LossWeights)
    image_size: tuple[int, int] = (252, 308)
    wrist_size: tuple[int, int] | None = (56, 56)  # None: as the other cameras
    cameras: tuple[str, ...] = CAMERAS
    horizon: int = HORIZON
    action_dim: int = ACTION_DIM
    agent_pos_dim: int = AGENT_POS_DIM
    keypoints: int = 16  # per camera
    stem_width: int = 48
    max_new_tokens: int = 48  # of spoken reasoning or of an answer
    backbone: BackboneName = "qwen2_vl"
    experts: ExpertsConfig = field(default_factory=ExpertsConfig)
    reasoning: Reasoning = "film"
    """How what the network says reaches its actions: `film`, ChatVLA's; `latter`, `former` or `all`, ChatVLA-2's, blocks
    of the head that follow the reasoning and not the observation; `chain`, ECoT's: a longer text, of which the actions are
    the end; `none`: no reasoning is learnt or spoken (TinyVLA)."""
    ensemble: float | None = None
    """Decay of temporal ensembling (see `policy.ensemble`): the policy then infers after every action. None: it executes
    several actions of a chunk as they are."""

    def __post_init__(self) -> None:
        unit = self.vision.patch_size * self.vision.spatial_merge_size
        for size in (self.image_size, self.wrist_size):
            if size is not None and (size[0] % unit or size[1] % unit):
                raise ValueError(f"image size {size} is not a multiple of patch x merge = {unit}; resize to whole tokens")
        if self.backbone == "paligemma" and not self.options.conv_stem and len({*self.image_size, *(self.wrist_size or ())}) > 1:
            raise ValueError(f"PaliGemma sees squares of one size, not {self.image_size} and {self.wrist_size}; set image_size to one, and wrist_size=None")
        if self.options.conv_stem and self.vision.patch_size % 4:
            raise ValueError(f"patch_size is {self.vision.patch_size}; the conv stem has stride 4 and needs a multiple")
        if self.options.keypoint_readout and not self.options.conv_stem:
            raise ValueError("options.keypoint_readout reads the stem's map; set options.conv_stem=True too")
        if self.options.object_positions and not self.options.keypoint_readout:
            raise ValueError("options.object_positions reads the keypoints; set options.keypoint_readout=True too")
        if self.wrist_size is not None and (self.options.image_words or self.options.conv_stem):
            raise ValueError("options.image_words and conv_stem need images of one size; set wrist_size=None")
        if self.reasoning in INJECTED and self.head.kind != "dit":
            raise ValueError(f"reasoning={self.reasoning} is injected into the blocks of a dit head, not {self.head.kind}; set reasoning=film or none")
        if self.loss.balance and self.experts.kind != "dynamic":
            raise ValueError(f"loss.balance is {self.loss.balance}, but {self.experts.kind} experts have no router; set it to 0")

    @property
    def reasoning_tokens(self) -> int:
        """How many tokens of reasoning are spoken before an action at most."""
        return 0 if self.reasoning == "none" else self.max_new_tokens

    def size(self, camera: str) -> tuple[int, int]:
        """(height, width) at which the vision tower sees `camera`."""
        return self.wrist_size if camera == "wrist" and self.wrist_size is not None else self.image_size

    def token_grid(self, camera: str) -> tuple[int, int]:
        """(rows, columns) of image tokens in the language model for `camera`, row by row."""
        unit = self.vision.patch_size * self.vision.spatial_merge_size
        height, width = self.size(camera)
        return height // unit, width // unit

    def image_tokens(self, camera: str) -> int:
        """How many image tokens `camera` takes in the text."""
        rows, columns = self.token_grid(camera)
        return rows * columns

    def with_vocabulary(self, vocab_size: int, **token_ids: int) -> ChatVLAConfig:
        """The same network for a tokenizer; `token_ids` are fields of `TextConfig` such as `image_token_id`."""
        return replace(self, text=replace(self.text, vocab_size=vocab_size, **token_ids))

    def with_experts(self, kind: ExpertKind) -> ChatVLAConfig:
        """The same network with other experts; only those that a router chooses have a loss that balances them."""
        loss = self.loss if kind == "dynamic" else replace(self.loss, balance=0.0)
        return replace(self, experts=replace(self.experts, kind=kind), loss=loss)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ChatVLAConfig:
        """The inverse of `to_dict`.

        Raises:
            ValueError: a key that no field has; the message names the nearest.
        """
        return _from_dict(cls, values, "config")


def _from_dict(cls: type[T], values: Mapping[str, Any], path: str) -> T:
    names = [f.name for f in fields(cls)]  # type: ignore[arg-type]
    hints = get_type_hints(cls)
    made: dict[str, Any] = {}
    for key, value in values.items():
        if key not in names:
            raise ValueError(f"unknown key {path}.{key}{nearest(key, names)}; known: {', '.join(names)}")
        if is_dataclass(hints[key]) and isinstance(value, Mapping):
            value = _from_dict(hints[key], value, f"{path}.{key}")  # type: ignore[arg-type]
        made[key] = tuple(value) if isinstance(value, list) else value
    return cls(**made)


def nearest(name: str, known: Any) -> str:
    """`; did you mean ...?` with the closest known name; empty where none is close."""
    close = difflib.get_close_matches(name, list(known), 1, 0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
