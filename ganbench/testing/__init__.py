"""The contract of every kind of plugin, as checks that `ganbench check` prints and pytest runs.

from ganbench import testing

@pytest.mark.parametrize("check", testing.checks("my_loss.py"), ids=str)
def test_contract(check: testing.Check) -> None:
    check()
"""

from ganbench.testing.contract import Check, checks, recipe_checks
from ganbench.testing.material import ContractError

__all__ = ["Check", "ContractError", "checks", "recipe_checks"]
