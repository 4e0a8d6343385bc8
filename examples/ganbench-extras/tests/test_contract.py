"""Both plugins keep the contract of their kind. Needs the package installed."""

import pytest

from ganbench import plugins, testing

REGISTRY = plugins.discover()
CARDS = [REGISTRY.card("loss", "smooth-hinge"), REGISTRY.card("architecture", "residual-mlp")]
CHECKS = [pytest.param(check, id=f"{card.name}-{check}") for card in CARDS for check in testing.checks(card)]


@pytest.mark.parametrize("check", CHECKS)
def test_contract(check: testing.Check) -> None:
    check()
