"""The matrix without a cluster: every pair that the package allows is in a cell, and every cell is a good release."""

from __future__ import annotations

from itertools import combinations, product

import pytest
from invariants import broken_invariants
from matrix import CORE, DIMENSIONS, EVERY_CELL, NAME, Cell, Pair, covering_cells, is_allowed
from releases import Release, render
from schemas import VERSIONS, schema_errors

CELLS = covering_cells()
TITLES = [cell.title for cell in CELLS]
REFUSED: set[Pair] = {
    # A file has one writer.
    (("backend", "sqlite"), ("replicas", "3")),
    # The plugin answers outside of a prefix.
    (("login", "oidc"), ("door", "prefix")),
}
"""The pairs that no cell has, with the reason."""


def test_every_pair_is_in_a_cell() -> None:
    """But for those that the package refuses, whatever is chosen beside them."""
    choices = [[(name, value) for value in values] for name, values in DIMENSIONS.items()]
    pairs = {pair for one, other in combinations(choices, 2) for pair in product(one, other)}
    assert pairs - {pair for cell in CELLS for pair in cell.pairs()} == REFUSED
    for pair in REFUSED:
        assert not any(is_allowed(cell) for cell in EVERY_CELL if set(pair) <= set(cell.pairs())), pair


def test_there_are_few_cells() -> None:
    """No fewer than doors times logins, of which one pair is refused, and not many more."""
    least = len(DIMENSIONS["login"]) * len(DIMENSIONS["door"]) - 1
    print("\n" + "\n".join(TITLES))  # noqa: T201 - the list, for whoever runs it with -s
    assert least <= len(CELLS) <= least + 3
    assert len(set(CELLS)) == len(CELLS)
    assert set(CORE) < set(CELLS)


def released(cell: Cell) -> Release:
    """Return the release of a cell."""
    return render(cell.props(), name=NAME, namespace=cell.name)


@pytest.mark.parametrize("cell", CELLS, ids=TITLES)
def test_a_cell_keeps_every_invariant(cell: Cell) -> None:
    """Credentials, policies, hosts, references, Pod Security."""
    release = released(cell)
    assert broken_invariants(release) == {}
    assert not [notice for notice in release.notices if "restricted" in notice]
    assert {item["kind"] for item in release.objects} >= {"Deployment", "Service", "NetworkPolicy"}


@pytest.mark.parametrize("cell", CELLS, ids=TITLES)
def test_a_cell_is_valid_in_every_version_of_kubernetes(cell: Cell) -> None:
    """From the oldest that it is for to the newest."""
    release = released(cell)
    versions = [version for version in VERSIONS if int(version[2:]) >= int(release.kubernetes[2:])]
    errors = {
        version: [error for item in release.objects for error in schema_errors(item, version)] for version in versions
    }
    assert errors == {version: [] for version in versions}


@pytest.mark.parametrize("cell", CELLS, ids=TITLES)
def test_the_names_of_a_cell_fit(cell: Cell) -> None:
    """It is a namespace, a bucket, a database, and one part of a host."""
    assert len(cell.name) < 63
