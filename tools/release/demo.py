"""Take a finished demo into the tree: `python -m tools.release.demo demo_output`.

The result becomes results/demo_MODEL_DATASET_seedK.json. The networks and pictures that README shows
come from `tools/release/records.py`.
"""

import argparse
import json
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def publish(folder: Path) -> Path:
    """Copy a demo's result to where README and notebooks look for it."""
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    model, seed = result["model"], result["seed"]
    data_set = result["data_set"].lower().replace("-", "")
    target = ROOT / "results" / f"demo_{model}_{data_set}_seed{seed}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / "result.json", target)
    return target


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path, help="what --out of the demo named")
    print(publish(options.parse_args().folder))
