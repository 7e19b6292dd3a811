"""What holds a confined process: limits of the kernel, and a hook on what Python does.

The hook (PEP 578) sees every connection, file and program that Python code opens, whichever
library asks for it, and cannot be taken away again. It is a second fence around code that is
not hostile, only careless or misled: addresses that redirect inwards, templates that misbehave.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from monitor.addresses import NOTHING_ALLOWED, Allowed, check_peer
from monitor.errors import FetchError

# Where the interpreter, its libraries and the system's public tables live.
_SYSTEM = (
    "/usr/lib /usr/lib64 /usr/share /usr/local/lib /usr/local/share /lib /lib64 /etc/ssl /etc/pki "
    "/etc/ca-certificates /etc/mime.types /etc/localtime /etc/timezone /dev/null /dev/urandom "
    "/opt/homebrew /System /Library"
)
_PROGRAMS = {
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork",
    "os.forkpty", "pty.spawn",
}  # fmt: skip
_CHANGES = {
    "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate",
    "os.chmod", "os.chown", "shutil.rmtree", "shutil.move", "shutil.copyfile", "os.kill",
}  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Guard:
    """Judges what Python is about to do.

    ``refusals`` say which connections it said no to, ``reached`` those that it let pass.
    """

    def __init__(self, allow: Allowed = NOTHING_ALLOWED, *, network: bool = False) -> None:
        self.refusals: list[str] = []
        self.reached: list[str] = []
        self._allow = allow
        self._network = network
        self._readable = readable_places()
        self._opened_by_name: set[tuple[str, int]] = set()
        self._lookup = socket.getaddrinfo

    def install(self) -> None:
        """From here on, for good."""
        socket.getaddrinfo = self.getaddrinfo
        sys.addaudithook(self.audit)

    def getaddrinfo(self, host: Any, port: Any, *rest: Any, **more: Any) -> list[Any]:
        """The system's, but a name that leads to one private address is refused whole."""
        if not self._network:
            raise PermissionError("names are not looked up here")
        found = self._lookup(host, port, *rest, **more)
        name = host.decode() if isinstance(host, bytes) else str(host)
        for _, _, _, _, peer in found:
            address, number = str(peer[0]), int(peer[1])
            self._check(address, name, number)
            if self._allow.opens(name, number):
                self._opened_by_name.add((address, number))
        return found

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Raises PermissionError for what is not to happen."""
        if event == "open":
            self._judge_file(arguments)
        elif event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
            self._judge_peer(arguments)
        elif event in _PROGRAMS or event in _CHANGES:
            raise PermissionError(f"{event} is not allowed here")

    def _judge_peer(self, arguments: tuple[Any, ...]) -> None:
        peer = arguments[1] if len(arguments) > 1 else None
        if peer is None:  # a socket that is connected already
            return
        if not self._network or not isinstance(peer, tuple) or len(peer) < 2:
            self._refuse("a connection that is not to the internet")
        address, number = str(peer[0]), int(peer[1])
        if (address, number) not in self._opened_by_name:
            self._check(address, address, number)
        self.reached.append(f"{address}, port {number}")

    def _check(self, address: str, host: str, port: int) -> None:
        try:
            check_peer(address, host, port, self._allow)
        except FetchError as error:
            self._refuse(str(error))

    def _judge_file(self, arguments: tuple[Any, ...]) -> None:
        path, mode, flags = arguments
        if isinstance(path, int):
            return
        place = os.path.realpath(os.fsdecode(path))
        writing = bool(flags & _WRITING) or bool(set(mode or "") & set("wax+"))
        if place != os.devnull and (writing or not is_below(place, self._readable)):
            raise PermissionError(f"the file {place} is not for this process")

    def _refuse(self, text: str) -> None:
        self.refusals.append(text)
        raise PermissionError(text)


def readable_places() -> tuple[str, ...]:
    """The roots below which files may be read, and single files."""
    own = str(Path(__file__).resolve().parents[1])
    packages = [each for each in sys.path if each.endswith(("site-packages", "dist-packages"))]
    prefixes = (sys.prefix, sys.base_prefix, sys.exec_prefix, own, *packages)
    named = {os.path.realpath(place) for place in (*prefixes, *_SYSTEM.split())}
    return tuple(sorted(named - {"/"}))


def is_below(place: str, roots: tuple[str, ...]) -> bool:
    """Whether ``place`` is one of ``roots`` or inside one."""
    return any(place == root or place.startswith(root + os.sep) for root in roots)


def limit(*, cpu_s: int, memory_mb: int) -> None:
    """What the kernel enforces: processor time, memory, no file written, no core dumped."""
    memory = memory_mb * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which drains
