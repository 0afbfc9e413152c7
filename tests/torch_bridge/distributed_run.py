"""One process of a training that several share; started by torchrun: FOLDER NORM."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch

from tests.torch_bridge.tiny_pictures import REGIME, held_out, picture_net, supply
from torch_bridge import attach_quantizers, compress_model
from torch_bridge.training.distributed import init_distributed
from torch_bridge.training.loop import train


def main(folder: Path, norm: bool) -> None:
    """Train a small twin on its share of the pictures; every process writes its weights."""
    model = picture_net(norm=norm)
    compress_model(model, 500)
    attach_quantizers(model, 8.0)
    regime = replace(REGIME, optimizer="adamw", lr=3e-2, rate=1e-3, epochs=8)
    with init_distributed(torch.device("cpu")) as context:
        path = folder / "checkpoint.npz"
        trained = train(
            model, supply(), held_out(), regime,
            context=context, checkpoint=path, progress=False,
        )  # fmt: skip
        weights = torch.cat([p.detach().flatten() for p in model.parameters()])
        content = {
            "losses": [row["loss"] for row in trained.history.table()],
            "weights": weights.tolist(),
        }
        (folder / f"rank{context.rank}of{context.size}.json").write_text(json.dumps(content))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]), sys.argv[2] == "norm")
