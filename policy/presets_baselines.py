"""The systems that ChatVLA is compared with, as named networks on the trunk of `chatvla_tiny`, and at their own size.

Each says what follows its source (research/policy.md, section 3) and what differs. Common to the tiny ones, and different
from all sources: three cameras, proprioception, absolute poses at 15 Hz, min-max bounds, and the options of chatvla_tiny.
Those whose sources have another trunk are on it in `policy.presets_trunks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from policy.config import DENSE, ChatVLAConfig, HeadConfig, Options


def tiny_baselines(chatvla: ChatVLAConfig, paligemma: ChatVLAConfig) -> Mapping[str, ChatVLAConfig]:
    """The tiny networks, from the tiny presets of ChatVLA on both backbones."""
    dense = replace(chatvla, experts=DENSE)
    # What the keypoints and positions tell reaches actions through a head; spoken actions have none.
    spoken = replace(dense, horizon=1, head=HeadConfig(kind="tokens"), options=_without_keypoints(dense.options))
    unet = HeadConfig(kind="unet", widths=(32, 64, 128), prediction="sample", noise_samples=4)
    made = (
        # DiVLA (arXiv:2412.03293): one dense network, reasoning into a diffusion U-Net by FiLM. Differs: full training
        # instead of LoRA; the head predicts the clean chunk, as everywhere at this size (see HeadConfig.prediction).
        replace(dense, name="divla_tiny", head=unet),
        # TinyVLA (arXiv:2409.12514): no reasoning, a diffusion U-Net, temporal ensembling.
        # Differs: the source's trunk is LLaVA-Pythia with LoRA (policy.presets_trunks has it).
        replace(dense, name="tinyvla_tiny", head=unet, reasoning="none", ensemble=0.01),
        # DexVLA (arXiv:2502.05855): as DiVLA with a DiT much larger beside its trunk. Differs: its head is trained before
        # on many robots, and its chunk has 50 actions.
        replace(dense, name="dexvla_tiny", head=replace(chatvla.head, width=192, depth=6, heads=6)),
        # OpenVLA (arXiv:2406.09246): the next action alone, as tokens that the language model speaks, greedily. Differs:
        # ten numbers instead of seven, and only tokens of actions are considered where an action is due.
        replace(spoken, name="openvla_tiny", reasoning="none"),
        # RT-2 (arXiv:2307.15818): OpenVLA's network trained on questions at the same time.
        replace(spoken, name="rt2_tiny", reasoning="none"),
        # ECoT (arXiv:2407.08693): OpenVLA's tokens behind a chain of thoughts (policy.chain). Differs: the chain's places
        # are the picture's cells, and it holds what our recordings know.
        replace(spoken, name="ecot_tiny", reasoning="chain", max_new_tokens=192),
        # Octo (arXiv:2405.12213): the state that has read everything conditions a small MLP that denoises four actions, 20
        # steps of DDPM. Differs: the language model's own last state instead of a readout token behind a frozen T5.
        replace(
            dense,
            name="octo_tiny",
            horizon=4,
            reasoning="none",
            head=HeadConfig(kind="readout", width=256, depth=3, train_steps=20, inference_steps=20, noise_samples=4),
        ),
        # pi0 (arXiv:2410.24164): PaliGemma, and an action expert of its own that attends to it layer by layer; flow
        # matching. Differs: 16 actions of 10 numbers instead of 50 of 32; the state token also holds the keypoints.
        replace(
            paligemma,
            name="pi0_tiny",
            experts=DENSE,
            reasoning="none",
            head=HeadConfig(kind="flow", width=96, mlp_width=256, noise_samples=4),
        ),
    )
    return {config.name: config for config in made}


def full_baselines(chatvla: ChatVLAConfig, paligemma: ChatVLAConfig) -> Mapping[str, ChatVLAConfig]:
    """Those whose trunks are here, at their sources' size: from ChatVLA-2B and its PaliGemma variant."""
    dense = replace(chatvla, experts=DENSE)
    made = (
        replace(dense, name="divla_2b", head=HeadConfig(kind="unet")),
        # ScaleDP_H: 32 x 1280, 16 heads; 50 actions (policy.md 1.5).
        replace(dense, name="dexvla_2b", head=HeadConfig(width=1280, depth=32, heads=16), wrist_size=None, horizon=50),
        replace(
            paligemma,
            name="pi0_3b",
            experts=DENSE,
            reasoning="none",
            horizon=50,
            head=HeadConfig(kind="flow", width=1024, mlp_width=4096),
        ),
    )
    return {config.name: config for config in made}


def _without_keypoints(options: Options) -> Options:
    return replace(options, keypoint_readout=False, object_positions=False)
