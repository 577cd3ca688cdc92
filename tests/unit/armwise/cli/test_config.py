from __future__ import annotations

import pytest
import typer

from armwise.cli.config import config
from armwise.errors import ConfigurationError, StoreError


def run(*arguments):
    return typer.main.get_command(config).main(["check", *map(str, arguments)], standalone_mode=False)


def test_a_configuration_is_checked(tmp_path, capsys):
    path = tmp_path / "armwise.yaml"
    path.write_text("schema_version: 1\ndomains: {route: {policy: {kind: thompson}}, prompt: {}}\n")
    run(path)
    assert "an engine can be made of it; domains: 2, experiments: 0" in capsys.readouterr().out


def test_what_is_wrong_is_raised_for_the_application_to_tell(tmp_path):
    path = tmp_path / "armwise.yaml"
    path.write_text("schema_version: 1\ndomains: {route: {policy: {kind: epsilon_greedy, epsilon: 3}}}\n")
    with pytest.raises(ConfigurationError, match=r"armwise\.yaml: domains\.route: epsilon is 3"):
        run(path)
    with pytest.raises(StoreError, match="cannot read"):
        run(tmp_path / "none.yaml")
