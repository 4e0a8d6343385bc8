"""Threads and devices."""

import subprocess
import sys

import pytest
import torch

from ganbench import devices


def test_a_process_is_limited_to_its_threads_before_torch_looks() -> None:
    code = """
from ganbench import devices
devices.limit_threads(1)
import sys
assert "torch" not in sys.modules
import torch
print(torch.get_num_threads())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


@pytest.mark.parametrize("threads", [1, 2])
def test_choosing_a_device_sets_torchs_threads(threads: int) -> None:
    before = torch.get_num_threads()
    try:
        assert devices.choose("cpu", threads) == torch.device("cpu")
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_cuda_without_a_gpu_is_an_error_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(devices.DeviceError, match="`ganbench doctor` tells more, `auto` uses the CPU"):
        devices.choose("cuda", 1)
    assert devices.choose("auto", 1) == torch.device("cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_auto_takes_the_gpu_that_is_there() -> None:
    assert devices.choose("auto", 1).type == "cuda"
