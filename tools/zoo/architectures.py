"""Networks whose own packages need more than their weights: layers by the names of the weight files."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FaceNet(nn.Module):
    """O-net of MTCNN (facenet-pytorch), its answers side by side: (n, 3, 48, 48) to (n, 16).

    Source: Zhang, Zhang, Li, Qiao, arXiv 1604.02878.
    """

    def __init__(self) -> None:
        super().__init__()
        channels, kernels = (3, 32, 64, 64, 128), (3, 3, 3, 2)
        for k, kernel in enumerate(kernels):
            setattr(self, f"conv{k + 1}", nn.Conv2d(channels[k], channels[k + 1], kernel))
            setattr(self, f"prelu{k + 1}", nn.PReLU(channels[k + 1]))
        self.dense5, self.prelu5 = nn.Linear(1152, 256), nn.PReLU(256)
        self.dense6_1, self.dense6_2 = nn.Linear(256, 2), nn.Linear(256, 4)
        self.dense6_3 = nn.Linear(256, 10)

    def forward(self, crops: Tensor) -> Tensor:
        """Logits of no face and face, the box (4) and five landmarks (10) of crops, 0 to 1."""
        x = (crops * 255 - 127.5) / 128
        for k, window in enumerate((3, 3, 2, 0)):
            x = getattr(self, f"prelu{k + 1}")(getattr(self, f"conv{k + 1}")(x))
            x = F.max_pool2d(x, window, 2, ceil_mode=True) if window else x
        x = self.prelu5(self.dense5(x.permute(0, 3, 2, 1).flatten(1)))
        return torch.cat([self.dense6_1(x), self.dense6_2(x), self.dense6_3(x)], 1)


class PitchNet(nn.Module):
    """CREPE, tiny (torchcrepe), with logits: (n, 1024) to (n, 360).

    Source: Kim, Salamon, Li, Bello, arXiv 1802.06182.
    """

    def __init__(self) -> None:
        super().__init__()
        channels = (1, 128, 16, 16, 16, 32, 64)
        for k in range(6):
            length, stride = (512, 4) if k == 0 else (64, 1)
            conv = nn.Conv2d(channels[k], channels[k + 1], (length, 1), (stride, 1))
            setattr(self, f"conv{k + 1}", conv)
            setattr(
                self, f"conv{k + 1}_BN", nn.BatchNorm2d(channels[k + 1], eps=1e-3, momentum=0.0)
            )
        self.classifier = nn.Linear(256, 360)

    def forward(self, waves: Tensor) -> Tensor:
        """Logits of 360 pitches, 20 cents apart."""
        x = waves[:, None, :, None]
        for k in range(6):
            padding = (0, 0, 254, 254) if k == 0 else (0, 0, 31, 32)
            x = F.relu(getattr(self, f"conv{k + 1}")(F.pad(x, padding)))
            x = F.max_pool2d(getattr(self, f"conv{k + 1}_BN")(x), (2, 1), (2, 1))
        logits: Tensor = self.classifier(x.permute(0, 2, 1, 3).flatten(1))
        return logits


class VoiceNet(nn.Module):
    """Resemblyzer's encoder: mel spectrograms (n, spots, 40) to voices (n, 256) of length 1.

    Source: Wan, Wang, Papir, Moreno, arXiv 1710.10467.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(40, 256, 3, batch_first=True)
        self.linear = nn.Linear(256, 256)

    def forward(self, mels: Tensor) -> Tensor:
        """The voice that speaks."""
        last = self.lstm(mels)[1][0][-1]
        return F.normalize(F.relu(self.linear(last)), dim=1)


class SpeechNet(nn.Module):
    """The weights of Silero's voice activity detector at 16 kHz; only looked at, never run."""

    def __init__(self) -> None:
        super().__init__()
        self.stft_conv = nn.Conv1d(1, 258, 256, bias=False)
        self.conv1, self.conv2 = nn.Conv1d(129, 128, 3), nn.Conv1d(128, 64, 3)
        self.conv3, self.conv4 = nn.Conv1d(64, 64, 3), nn.Conv1d(64, 128, 3)
        self.lstm_cell = nn.LSTMCell(128, 128)
        self.final_conv = nn.Conv1d(128, 1, 1)
