"""`trackproof serve` listens on loopback alone, and says why it cannot."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.unit.trackproof.cli.test_run import trackproof
from trackproof.console.desk import Desk
from trackproof.console.server import serving
from trackproof.console.warm_bench import Where
from trackproof.fleet import REFERENCE
from trackproof.scenarios import find_scenario


def test_a_port_in_use_is_a_usage_error() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        code, output = trackproof("serve", "--port", str(port))

    assert code == 2
    assert f"port {port} of 127.0.0.1 cannot be opened" in output


def test_it_listens_on_loopback_alone(tmp_path: Path) -> None:
    with serving(Desk(Where(), lambda _: REFERENCE, tmp_path)) as url:
        port = int(url.rpartition(":")[2])
        # Linux answers on every address of 127.0.0.0/8 if a server listens on all interfaces.
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.2", port)) != 0


def test_a_scenario_decides_conductor_unless_its_url_is_given() -> None:
    killed = find_scenario("conductor-killed")
    plain = find_scenario("three-tracks")

    assert Where("auto").for_scenario(killed).conductor == "durable"
    assert Where("process").for_scenario(plain) == Where("process")
    assert Where("http://host/api").for_scenario(killed).conductor == "http://host/api"
