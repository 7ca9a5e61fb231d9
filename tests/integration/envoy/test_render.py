"""The command line that renders a configuration, checked by Envoy itself."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from deploy.envoy import routes
from deploy.envoy.__main__ import main
from deploy.envoy.settings import ROOT, Address
from deploy.local.envoy import executable

NAMES = [
    *("--public", "0.0.0.0:8443", "--operator", "[::1]:3001", "--admin", "127.0.0.1:9901"),
    *("--backend-grpc", "backend.example:3010,backend.example:3011"),
    *(
        "--backend-http",
        "backend.example:3020,backend.example:3021",
        "--auth-grpc",
        "auth.example:1",
    ),
    *("--auth-http", "auth.example:2", "--frontend", "[::1]:3"),
]


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "node.example")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=36_500))
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return chain, private


def test_envoy_accepts_names_tls_logs_and_other_limits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chain, private = certificate(tmp_path)
    tls = ["--tls-certificate", str(chain), "--tls-private-key", str(private)]
    more = ["--access-log", "-", "--trusted-hops", "1", "--rest-timeout-s", "2.5"]
    main([*NAMES, *tls, *more, "--body-bytes-max", "1000"])
    text = capsys.readouterr().out
    assert "STRICT_DNS" in text
    assert "2.5s" in text
    path = tmp_path / "envoy.yaml"
    path.write_text(text)
    checked = subprocess.run(
        [str(executable()), "--mode", "validate", "--config-path", str(path)],
        capture_output=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr.decode()[-2000:]


@pytest.mark.parametrize(
    "wrong",
    [["--tls-certificate", "chain.pem"], ["--trusted-hops", "-1"]],
)
def test_settings_that_make_no_sense_are_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit, match=r"go together|0 or more"):
        main([*NAMES, *wrong])


@pytest.mark.parametrize("text", ["", "host", ":1", "host:", "host:70000", "host:x"])
def test_an_address_is_a_host_and_a_port(text: str) -> None:
    with pytest.raises(ValueError, match="expected host:port"):
        Address.parse(text)


def test_the_readme_names_every_public_rpc() -> None:
    table = (ROOT / "envoy" / "README.md").read_text()
    rest = [route for route in routes.PUBLIC_ROUTES if route.services]
    named = {rpc.strip() for route in rest for rpc in route.to.split(",")}
    assert {rpc for rpc in named if rpc not in table} == set()
