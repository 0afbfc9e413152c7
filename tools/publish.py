"""Take a finished demo into the tree: `python tools/publish.py demo_output`.

The result becomes results/demo_MODEL_DATASET_seedK.json. LeNet-5 on MNIST with seed 0 is the run that
README shows: its file and pictures go to data/models/ and docs/img/ as well.
"""

import argparse
import json
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHOWN = ("lenet5", "mnist", 0)


def publish(folder: Path) -> list[Path]:
    """Copy what a demo left in its folder to where README and notebooks look for it."""
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    model, seed = result["model"], result["seed"]
    data_set = result["data_set"].lower().replace("-", "")
    targets = {
        folder / "result.json": ROOT / "results" / f"demo_{model}_{data_set}_seed{seed}.json"
    }
    if (model, data_set, seed) == SHOWN:
        targets[folder / f"{model}.ada"] = ROOT / "data" / "models" / f"{model}_demo.ada"
        for picture in (f"{model}.png", f"{model}_qr.png", f"{model}_qr.svg"):
            targets[folder / picture] = ROOT / "docs" / "img" / picture
    for source, target in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return list(targets.values())


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path, help="what --out of the demo named")
    print(*publish(options.parse_args().folder), sep="\n")
