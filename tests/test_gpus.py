"""Which GPUs a process may use, from what nvidia-smi prints, what the driver's files say, and the environment."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganbench import gpus
from ganbench.gpus import Gpu, GpuError

LISTING = """\
GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-5c89852c-d268-c3f3-1b07-005d5ae1dc3f)
GPU 1: NVIDIA A100-SXM4-80GB (UUID: GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77)
  MIG 3g.40gb     Device  0: (UUID: MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f)
  MIG 3g.40gb     Device  1: (UUID: MIG-cba663e8-9bed-5b25-b243-5985ef7c9beb)
"""
FIRST, SECOND, SLICE, OTHER = gpus.from_listing(LISTING)


def four(name: str = "Card") -> list[Gpu]:
    return gpus.from_listing("".join(f"GPU {i}: {name} (UUID: GPU-{i}aaa-{i})\n" for i in range(4)))


def visible(environment: dict[str, str], there: list[Gpu]) -> list[str]:
    return [gpu.visible for gpu in gpus.pool(environment, there)]


def test_the_listing_of_nvidia_smi_is_read_with_its_slices() -> None:
    name = "GPU-5c89852c-d268-c3f3-1b07-005d5ae1dc3f"
    assert (FIRST.key, FIRST.visible, FIRST.name) == (name, name, "NVIDIA A100-SXM4-80GB")
    assert (SLICE.key, SLICE.name) == (
        "MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f",
        "NVIDIA A100-SXM4-80GB MIG 3g.40gb",
    )
    assert gpus.from_listing("No devices were found\n") == []


def test_the_drivers_files_do_where_there_is_no_nvidia_smi(tmp_path: Path) -> None:
    for bus, uuid in (("0000:c1:00.0", "GPU-b"), ("0000:01:00.0", "GPU-a"), ("0000:e1:00.0", "GPU-???")):
        (tmp_path / bus).mkdir()
        text = f"Model: \t\t NVIDIA H100\nIRQ:   \t\t 130\nGPU UUID: \t {uuid}\nBus Location: \t {bus}\n"
        (tmp_path / bus / "information").write_text(text.replace("GPU-???", "unknown"))
    assert gpus.from_driver(tmp_path) == [Gpu("GPU-a", "GPU-a", "NVIDIA H100"), Gpu("GPU-b", "GPU-b", "NVIDIA H100")]
    assert gpus.from_driver(tmp_path / "nowhere") == []


def test_without_a_list_all_cards_are_the_pool_and_slices_stand_for_their_card() -> None:
    assert gpus.pool({}, four()) == four()
    assert gpus.pool({}, [FIRST, SECOND, SLICE, OTHER]) == [FIRST, SLICE, OTHER]
    assert gpus.pool({}, []) == []


@pytest.mark.parametrize(
    ("listed", "keys"),
    [
        ("2,0", ["GPU-2aaa-2", "GPU-0aaa-0"]),
        (" 3 ", ["GPU-3aaa-3"]),
        ("GPU-1", ["GPU-1aaa-1"]),  # a prefix will do
        ("1,1", ["GPU-1aaa-1"]),
        ("1,9,2", ["GPU-1aaa-1"]),  # CUDA stops at the first that is none
        ("0,-1,2", ["GPU-0aaa-0"]),
        ("GPU-7", []),
        ("GPU-", []),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
    ],
)
def test_a_list_is_the_pool_by_the_cards_own_names(listed: str, keys: list[str]) -> None:
    found = gpus.pool({"CUDA_VISIBLE_DEVICES": listed}, four())
    assert [gpu.key for gpu in found] == keys
    assert [gpu.visible for gpu in found] == [e.strip() for e in listed.split(",")][: len(keys)]


@given(st.text(alphabet="0123-,GPUMIa ", max_size=20))
def test_no_list_is_stepped_outside_of(listed: str) -> None:
    entries = [entry.strip() for entry in listed.split(",")]
    assert set(visible({"CUDA_VISIBLE_DEVICES": listed}, four())) <= set(entries)


def test_numbers_on_unlike_cards_mean_nothing_without_an_order() -> None:
    unlike = [*four("Fast")[:1], *four("Slow")[1:]]
    with pytest.raises(GpuError, match="set CUDA_DEVICE_ORDER=PCI_BUS_ID, or list them by UUID"):
        gpus.pool({"CUDA_VISIBLE_DEVICES": "0"}, unlike)
    ordered = {"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert [gpu.key for gpu in gpus.pool(ordered, unlike)] == ["GPU-1aaa-1"]
    assert visible({"CUDA_VISIBLE_DEVICES": "GPU-1aaa"}, unlike) == ["GPU-1aaa"]


def test_numbers_are_all_there_is_where_nothing_lists_the_cards() -> None:
    found = gpus.pool({"CUDA_VISIBLE_DEVICES": "4,06"}, [])
    assert [(gpu.key, gpu.visible) for gpu in found] == [("number-4", "4"), ("number-6", "06")]


def test_a_schedulers_job_has_keys_of_its_own() -> None:
    slurm = {"SLURM_JOB_ID": "17", "CUDA_VISIBLE_DEVICES": "1"}
    assert [gpu.key for gpu in gpus.pool(slurm, four())] == ["slurm-17:GPU-1aaa-1"]
    assert visible(slurm, four()) == ["1"]
    pod = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "train-5"}
    assert next(gpu.key for gpu in gpus.pool(pod, four())) == "pod-train-5:GPU-0aaa-0"
    assert gpus.pool({"SLURM_JOB_ID": "17"}, four()) == four()  # Slurm gave none; others may use them
