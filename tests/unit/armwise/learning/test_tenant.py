from __future__ import annotations

import pytest

from armwise.errors import ConfigurationError
from armwise.learning import TenantContext

BAD = [
    "",
    ".",
    "..",
    "a..b",
    "../a",
    "a/b",
    "a\\b",
    ".hidden",
    "-flag",
    "_a",
    "a b",
    "a\n",
    "a\0",
    "ä",
    "٣",
    "\ud800",
    "a" * 65,
    None,
    True,
    7,
    b"a",
    ["a"],
    pytest.param(10**5000, id="huge"),
]


@pytest.mark.parametrize("name", ["a", "9", "Acme-2", "team_a.eu", "a" * 64, "a.", "x-"])
def test_names_that_are_files(name):
    assert TenantContext(name, name).workspace == name


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("field", ["tenant", "workspace"])
def test_names_that_would_leave_the_folder_are_refused(field, name):
    with pytest.raises(ConfigurationError, match=f"^{field} is .*expected a name that can stand in a path"):
        TenantContext(**{field: name})


def test_it_is_a_value():
    assert TenantContext() == TenantContext("default", "main")
    assert len({TenantContext(), TenantContext(), TenantContext("a")}) == 2
    with pytest.raises(AttributeError):
        TenantContext().tenant = "other"
