"""An OpenSSH server of the tests' own: its keys, its configuration, its process."""

from __future__ import annotations

import contextlib
import getpass
import os
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko
import psutil
import pytest
from typing_extensions import override

from tests.servers import START_SECONDS, STOP_SECONDS, free_port, require

SSHD = "/usr/sbin/sshd"  # it wants its full path, which plain users do not have on PATH
_PRIVILEGE_SEPARATION = Path("/run/sshd")  # Debian's sshd refuses to run as root without it
_CONFIGURATION = """\
ListenAddress 127.0.0.1
AuthorizedKeysFile {keys}/user.pub
HostKey {keys}/host
PidFile none
AuthenticationMethods publickey
PermitRootLogin prohibit-password
UsePAM no
StrictModes no
Subsystem sftp internal-sftp
ForceCommand internal-sftp
AllowTcpForwarding no
MaxStartups 100
"""


class PinnedHostKey(paramiko.MissingHostKeyPolicy):  # type: ignore[misc] # has no types
    """Accepts one host key: fsspec knows none, and asks the policy about each that it meets."""

    def __init__(self, expected: str) -> None:
        self._expected = expected

    @override
    def missing_host_key(
        self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey
    ) -> None:
        if f"{key.get_name()} {key.get_base64()}" != self._expected:
            raise paramiko.SSHException(f"unknown host key of {hostname}")


@dataclass(frozen=True)
class SftpServer:
    """A running server, which serves the whole disk to the user that runs the tests.

    :ivar keys: the directory of its keys, configuration and log.
    """

    port: int
    pid: int
    keys: Path

    @property
    def options(self) -> dict[str, object]:
        """What fsspec needs besides the URL: nothing of the user's own is looked at."""
        name, key = (self.keys / "host.pub").read_text().split()[:2]
        return {
            "key_filename": str(self.keys / "user"),
            "look_for_keys": False,
            "allow_agent": False,
            "host_key_policy": PinnedHostKey(f"{name} {key}"),
        }

    def url(self, directory: Path) -> str:
        return f"sftp://{getpass.getuser()}@127.0.0.1:{self.port}{directory}"

    def sessions(self) -> list[psutil.Process]:
        """Return the processes that serve connections."""
        with contextlib.suppress(psutil.NoSuchProcess):
            found: list[psutil.Process] = psutil.Process(self.pid).children(recursive=True)
            return found
        return []

    def hang_up(self) -> None:
        """End all sessions, as a restart of the machine would."""
        found = self.sessions()
        for each in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGKILL)
        psutil.wait_procs(found, STOP_SECONDS)


@contextlib.contextmanager
def sftp_server(keys: Path) -> Iterator[SftpServer]:
    """Run a server on a free port until the block ends, and with it all its sessions."""
    require(SSHD)
    if os.geteuid() == 0:
        _PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    for name in ("host", "user"):
        argv = [require("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", name]
        subprocess.run([*argv, "-f", str(keys / name)], check=True, stdin=subprocess.DEVNULL)
    configuration, log, port = keys / "sshd_config", keys / "sshd.log", free_port()
    configuration.write_text(f"Port {port}\n{_CONFIGURATION.format(keys=shlex.quote(str(keys)))}")
    argv = [SSHD, "-D", "-f", str(configuration), "-E", str(log)]
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, env={"PATH": os.defpath})
    server = SftpServer(port, process.pid, keys)
    try:
        _wait_for_greeting(process, port, log)
        yield server
    finally:
        server.hang_up()
        process.terminate()
        process.wait(STOP_SECONDS)


def _wait_for_greeting(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _greets(port):
        if process.poll() is not None or time.monotonic() > deadline:
            printed = log.read_text(errors="replace") if log.exists() else ""
            pytest.fail(f"sshd does not answer on port {port}:\n{printed}", pytrace=False)
        time.sleep(0.02)


def _greets(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as probe:
            return probe.recv(4) == b"SSH-"
    except OSError:
        return False
