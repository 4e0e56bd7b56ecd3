"""What a network is made of, as immutable data; the defaults are ChatVLA-2B's. `policy.presets` has the named ones."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any, Literal, TypeVar, get_args, get_type_hints

from envs.types import ACTION_DIM, AGENT_POS_DIM, CAMERAS, HORIZON
from policy.config_trunk import TextConfig, VisionConfig, WordEncoderConfig

Prediction = Literal["epsilon", "sample"]
HeadKind = Literal["dit", "unet", "flow", "readout", "tokens"]
BackboneName = Literal["qwen2_vl", "paligemma", "prismatic", "llava_pythia", "octo"]
ExpertKind = Literal["static", "dense", "dense_wide", "dynamic"]
Reasoning = Literal["none", "film", "latter", "former", "all", "chain"]
INJECTED: tuple[Reasoning, ...] = ("latter", "former", "all")  # into the head's blocks, instead of by FiLM before it
SQUARE: tuple[BackboneName, ...] = ("paligemma", "prismatic", "llava_pythia")  # positions of one square picture
STEMMED: tuple[BackboneName, ...] = ("qwen2_vl", "paligemma")  # can be given patch tokens that others made
EXPERT: tuple[BackboneName, ...] = ("qwen2_vl", "paligemma", "prismatic")  # with a gated feed-forward network a layer
T = TypeVar("T")


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
    second_vision: VisionConfig | None = None  # prismatic's DINOv2 tower, beside `vision`, its SigLIP
    word_encoder: WordEncoderConfig | None = None  # octo's T5
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
        _check_trunk(self)
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
    def speaks(self) -> bool:
        """Whether it has words to answer with; Octo's transformer reads words and says none."""
        return self.backbone != "octo"

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


def _check_trunk(config: ChatVLAConfig) -> None:
    name, options = config.backbone, config.options
    if name in SQUARE and not options.conv_stem and len({*config.image_size, *(config.wrist_size or ())}) > 1:
        raise ValueError(f"{name} sees squares of one size, not {config.image_size} and {config.wrist_size}; set image_size to one, and wrist_size=None")
    if options.conv_stem and name not in STEMMED:
        raise ValueError(f"options.conv_stem makes patch tokens for {' and '.join(STEMMED)}, not for {name}; set it to False")
    if config.experts.kind != "dense" and name not in EXPERT:
        raise ValueError(f"{name} has no experts; set experts to dense, not {config.experts.kind}")
    if (config.second_vision is None) == (name == "prismatic"):
        raise ValueError(f"second_vision is prismatic's DINOv2 tower, and backbone is {name}; give both or neither")
    if (config.word_encoder is None) == (name == "octo"):
        raise ValueError(f"word_encoder is octo's T5, and backbone is {name}; give both or neither")
    if name == "octo" and (config.head.kind != "readout" or config.reasoning != "none"):
        raise ValueError(f"octo has a readout token and says no words; set head.kind=readout and reasoning=none, not {config.head.kind} and {config.reasoning}")


def _from_dict(cls: type[T], values: Mapping[str, Any], path: str) -> T:
    names = [f.name for f in fields(cls)]  # type: ignore[arg-type]
    hints = get_type_hints(cls)
    made: dict[str, Any] = {}
    for key, value in values.items():
        if key not in names:
            raise ValueError(f"unknown key {path}.{key}{nearest(key, names)}; known: {', '.join(names)}")
        made_of = next((t for t in (hints[key], *get_args(hints[key])) if is_dataclass(t)), None)
        if made_of is not None and isinstance(value, Mapping):
            value = _from_dict(made_of, value, f"{path}.{key}")  # type: ignore[arg-type]
        made[key] = tuple(value) if isinstance(value, list) else value
    return cls(**made)


def nearest(name: str, known: Any) -> str:
    """`; did you mean ...?` with the closest known name; empty where none is close."""
    close = difflib.get_close_matches(name, list(known), 1, 0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
