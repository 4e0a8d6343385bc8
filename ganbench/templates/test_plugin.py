"""The contract of the plugin beside this file. Add what it promises of its own below: a value worked out by hand."""

from pathlib import Path

import pytest

from ganbench import testing

PLUGIN = Path(__file__).parent / "my_plugin.py"


@pytest.mark.parametrize("check", testing.checks(PLUGIN), ids=str)
def test_contract(check: testing.Check) -> None:
    """Other settings than the defaults: `testing.checks(PLUGIN, {"weight": 2.0})`."""
    check()
