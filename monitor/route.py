"""Whether a failure is this machine's own: it has no way out to anybody."""

from __future__ import annotations

import errno
import socket

# Reserved for documentation (RFC 5737, RFC 3849): only the way there is asked of the kernel.
_ELSEWHERE = ((socket.AF_INET, "198.51.100.1"), (socket.AF_INET6, "2001:db8::1"))
_NO_WAY = frozenset({errno.ENETUNREACH, errno.ENETDOWN})


def is_ours(error: OSError) -> bool:
    """Whether ``error`` says so: no network to send to, or no name server that answers, and the
    kernel knows no way out either.

    A name server may as well fail for one name alone, and a host may have no address but IPv6,
    to which this machine has no way: that alone says nothing.
    """
    if isinstance(error, socket.gaierror):
        return error.errno == socket.EAI_AGAIN and not has_route()
    return error.errno in _NO_WAY and not has_route()


def has_route() -> bool:
    """Whether the kernel knows a way out of this machine. Nothing is sent."""
    for family, address in _ELSEWHERE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((address, 9))
        except OSError:
            continue
        return True
    return False
