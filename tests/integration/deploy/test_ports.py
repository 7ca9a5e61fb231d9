"""Ports of a local network follow from one number, and taken ones are named."""

import socket

import pytest

from deploy.local.ports import BROWSERS_REFUSE, PortTakenError, StackPorts, free_stack_ports


def test_each_port_has_one_use() -> None:
    ports = StackPorts(3000, 2)
    uses = ports.uses()
    assert (ports.node(0).public, ports.node(1).public) == (3000, 3100)
    assert (ports.node(1).backend_grpc, ports.node(1).backend_http) == ((3110, 3111), (3120, 3121))
    assert (ports.postgres, ports.valkey) == (3090, 3091)
    assert len(uses) == 2 + 2 * (7 + 2 + 2)


def test_a_taken_port_is_named_with_its_use_and_a_remedy() -> None:
    ports = free_stack_ports(2)
    ports.require_free()
    with socket.socket() as taker:
        taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # closed sessions don't count
        taker.bind(("127.0.0.1", ports.node(1).operator))
        taker.listen()
        with pytest.raises(PortTakenError) as refused:
            ports.require_free()
    text = str(refused.value)
    assert f"{ports.node(1).operator} (operator listener of node 2)" in text
    assert "PORT_BASE=" in text
    assert text.count("(") == 1


def test_ports_beyond_the_last_are_refused() -> None:
    with pytest.raises(PortTakenError, match="65535"):
        StackPorts(65_500, 2).require_free()


@pytest.mark.parametrize("base", [-1, 0, 587, 993, 1023])
def test_ports_that_systems_keep_are_refused(base: int) -> None:
    with pytest.raises(PortTakenError, match="below 1024"):
        StackPorts(base, 2).require_free()


@pytest.mark.parametrize("base", [6000, 5900, 5995, 5055, 10_080, 9980])
def test_a_page_on_a_port_that_browsers_refuse_is_refused_first(base: int) -> None:
    ports = StackPorts(base, 2)
    pages = [port for index in range(2) for port in ports.node(index).pages]
    with pytest.raises(PortTakenError, match=str(next(p for p in pages if p in BROWSERS_REFUSE))):
        ports.require_free()
