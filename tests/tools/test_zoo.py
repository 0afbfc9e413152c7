"""The zoo with stand-ins: no package is needed, and what is missing is said before anything is begun."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tools.pages import zoo as zoo_page
from tools.zoo import __main__ as zoo
from tools.zoo import energy, sizes, tuning
from tools.zoo.distil import Pool, Schedule, distil, outputs_of, pool_of
from tools.zoo.files import copy_of, dense_plan, file_of, int8_file
from tools.zoo.networks import NETWORKS, Network, loss
from tools.zoo.packages import MissingPackagesError, require
from tools.zoo.photographs import PARTS, Crops, mixed, random_crops
from tools.zoo.sounds import PARTS as SOUND_PARTS
from tools.zoo.sounds import clips, mel_spectrogram, tones
from torch_bridge import compress_model
from tucker_core.results import read_result

COUNTS = {"train": 64, "validation": 32, "test": 32}


def tiny() -> nn.Module:
    torch.manual_seed(0)
    hidden = nn.Linear(48, 24)
    with torch.no_grad():
        hidden.weight.copy_(torch.randn(24, 4) @ torch.randn(4, 48) / 20)
    layers = (nn.Conv2d(2, 12, 3), nn.ReLU(), nn.Flatten(), hidden, nn.Linear(24, 5))
    return nn.Sequential(*layers).eval()


def inputs(part: str, count: int, seed: int) -> Tensor:
    return torch.randn(count, 2, 4, 4, generator=torch.Generator().manual_seed(seed))


def same(outputs: Tensor, targets: Tensor) -> float:
    return float((outputs.argmax(1) == targets.argmax(1)).float().mean())


TINY = Network("tiny", "a stand-in", ("matplotlib",), tiny, inputs, same, "same answer")


@pytest.mark.parametrize("parts", [PARTS, SOUND_PARTS])
def test_no_photograph_or_recording_is_in_two_parts(parts: Any) -> None:
    files = [file for part in parts.values() for file in part]
    assert len(files) == len(set(files))
    assert set(parts) == {"train", "validation", "test"}


def test_missing_packages_are_refused_by_their_names_on_pypi(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.path", [])
    with pytest.raises(MissingPackagesError, match=r"--no-deps scikit-image pyannote\.audio"):
        require(["skimage", "pyannote.audio", "skimage"])
    assert zoo.main(["energy", "--network", "silero_vad", "--out", str(tmp_path)]) == 1
    assert "pip install --no-deps silero-vad" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_every_network_says_what_it_needs_and_means() -> None:
    for network in NETWORKS.values():
        assert network.modules
        assert (network.inputs is None) == (network.agreement is None) == (not network.agreeing)


def test_crops_are_those_of_their_seed_and_lie_in_the_range_of_pictures() -> None:
    pictures = (torch.rand(3, 30, 50), torch.rand(3, 60, 40))
    crops = Crops(16, least=0.05, jitter=True)
    first, again = (random_crops(pictures, 6, crops, 3) for _ in range(2))
    assert torch.equal(first, again)
    assert 0 <= float(first.min()) <= float(first.max()) <= 1
    assert not torch.equal(first, random_crops(pictures, 6, crops, 4))
    assert any(not torch.equal(mixed(first, seed), first) for seed in range(4))


def test_sounds_have_the_asked_shapes_and_a_tone_lies_in_its_mel_band() -> None:
    time = torch.arange(4_000) / 16_000
    bands = [
        int(mel_spectrogram(torch.sin(2 * torch.pi * hertz * time)[None]).mean(1).argmax())
        for hertz in (200, 1_000, 4_000)
    ]
    assert bands == sorted(set(bands))
    assert clips((tones(1, 0)[0],), 2, 300, 0).shape == (2, 300)


def test_the_default_loses_no_more_than_svd_and_balanced_on_any_weight() -> None:
    found = energy.study(tiny())
    assert found["weights"]
    for row in found["weights"]:
        assert row["lost"]["default"] <= min(row["lost"]["svd"], row["lost"]["balanced"])
    together = found["together"]
    assert all(together[name]["params"] <= together["budget"] for name in energy.METHODS)
    kept = [together[name]["minus_log_kept"] for name in energy.METHODS]
    assert kept[0] <= min(kept[1:]) + 1e-3


def test_a_run_that_was_broken_off_goes_on_to_the_same_end(tmp_path: Path) -> None:
    pool = pool_of(tiny(), inputs("train", 40, 0))
    schedule = Schedule(6, 1e-2, 8, look_every=2)
    whole, broken = (nn.Sequential(nn.Flatten(), nn.Linear(32, 5)) for _ in range(2))
    broken.load_state_dict(whole.state_dict())
    again = copy_of(broken)
    rows = distil(whole, pool, loss, schedule)

    looks: Iterator[dict[str, float] | None] = iter([{}, None])

    def stop() -> dict[str, float]:
        if (found := next(looks)) is None:
            raise KeyboardInterrupt
        return found

    with pytest.raises(KeyboardInterrupt):
        distil(broken, pool, loss, schedule, look=stop, checkpoint=tmp_path / "run.npz")
    found = distil(again, pool, loss, schedule, checkpoint=tmp_path / "run.npz")
    assert [row["step"] for row in found] == [row["step"] for row in rows] == [2, 4, 6]
    for mine, other in zip(again.parameters(), whole.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_pruning_keeps_the_budget_through_training_and_counts_what_is_not_zero() -> None:
    dense = tiny()
    student, after = tuning.student_of(dense, "pruning")
    distil(
        student,
        pool_of(dense, inputs("train", 32, 0)),
        loss,
        Schedule(5, 1e-2),
        after_step=after,
    )
    params = tuning._params(student, "pruning")
    total = sum(parameter.numel() for parameter in dense.parameters())
    assert 0.2 * total < (params or 0) <= total / tuning.PARAMETER_RATIO


def test_files_give_back_what_is_measured() -> None:
    dense, crops = tiny(), inputs("test", 16, 1)
    said = outputs_of(dense, crops)
    int8 = int8_file(dense, copy_of(dense))
    assert int8.params == sum(parameter.numel() for parameter in dense.parameters())
    assert torch.allclose(outputs_of(int8.decoded, crops), said, atol=0.05)
    student = copy_of(dense)
    compress_model(student, dense_plan(dense))
    alone = file_of("alone", student, copy_of(dense), 64.0)
    assert alone.params == int8.params
    assert torch.allclose(outputs_of(alone.decoded, crops), said, atol=0.05)


def test_studies_of_a_stand_in_become_result_files_and_a_page(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(NETWORKS, "tiny", TINY)
    monkeypatch.setattr(tuning, "COUNTS", COUNTS)
    monkeypatch.setattr(sizes, "COUNTS", COUNTS)
    monkeypatch.setattr(sizes, "RATIOS", (1.0, 2.0))
    monkeypatch.setattr(sizes, "LEVELS", (16.0,))
    monkeypatch.setattr(tuning, "RATES", (1e-3,))
    for study in ("energy", "tuning", "bytes"):
        arguments = [study, "--network", "tiny", "--steps", "4", "--out", str(tmp_path)]
        assert zoo.main(arguments) == 0
    made = {path.stem: read_result(path) for path in tmp_path.glob("*.json")}
    assert set(made) == {"zoo_energy_tiny", "zoo_tuning_tiny", "zoo_bytes_tiny"}
    assert made["zoo_tuning_tiny"]["command"].endswith("tuning --network tiny --steps 4")
    methods = [row["method"] for row in made["zoo_tuning_tiny"]["rows"]]
    assert methods == ["default", "svd", "order 2", "pruning"]
    monkeypatch.setattr(
        zoo_page, "results", lambda pattern: [made[k] for k in made if k.startswith(pattern[:7])]
    )
    text = zoo_page.page()
    assert "It is no accuracy" in text.replace("\n", " ")
    assert text.count("| tiny | ") >= 9
    assert "## EfficientNet-lite0 at half of its parameters\n\nNot run." in text


def test_the_page_in_the_tree_is_up_to_date() -> None:
    assert zoo_page.PAGE.read_text(encoding="utf-8") == zoo_page.page()


def test_a_pool_keeps_inputs_and_answers_together() -> None:
    pool = pool_of(tiny(), inputs("train", 70, 0))
    assert isinstance(pool, Pool)
    assert pool.targets.shape == (70, 5)
