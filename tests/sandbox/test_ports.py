"""A port is chosen by one process and listened on by another one."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from sandbox import ports
from sandbox.ports import PortTaken, reserve

CHOOSE = "from sandbox import ports; ports.RANGE = range({0}, {0} + 1); ports.reserve()"


def test_two_processes_that_choose_at_once_choose_two_ports() -> None:
    ours = reserve()
    other = subprocess.run([sys.executable, "-c", CHOOSE.format(ours)], capture_output=True, text=True)
    assert other.returncode != 0
    assert "PortTaken" in other.stderr and str(ours) in other.stderr


def test_a_server_listens_on_a_port_that_another_process_reserved() -> None:
    ours = reserve()
    listening = f"import socket; socket.create_server(('127.0.0.1', {ours})); print('listens')"
    assert subprocess.check_output([sys.executable, "-c", listening], text=True) == "listens\n"


def test_a_port_on_which_somebody_listens_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        taken = somebody.getsockname()[1]
        monkeypatch.setattr(ports, "RANGE", range(taken, taken + 1))
        with pytest.raises(PortTaken, match=str(taken)):
            reserve()


def test_a_port_of_two_addresses_is_free_on_both(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = "127.0.0.1", "127.0.0.2"
    with socket.create_server((second, 0)) as somebody:
        taken = somebody.getsockname()[1]
        monkeypatch.setattr(ports, "RANGE", range(taken, taken + 1))
        with pytest.raises(PortTaken):
            reserve(first, second)
        assert reserve(first) == taken, "what was bound at the first address is given back"
