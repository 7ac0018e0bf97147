"""Who may ask: under which names the server answers, and the token that it wants."""

import ipaddress
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, final

from nachash.errors import UsageError

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
# Where a server listens at every address, and which of them this machine itself opens.
EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
_LEAST_LENGTH: Final = 16
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]*\Z")
_RANDOM_BYTES: Final = 24


@final
@dataclass(frozen=True, slots=True)
class Access:
    """Names to answer to, any address as well where `any_address`; None: no token is wanted.

    A name can be made to lead here by a stranger (DNS rebinding), an address cannot.
    """

    names: frozenset[str]
    any_address: bool = False
    token: str | None = None

    @classmethod
    def of(cls, host: str, allowed: Iterable[str] = (), token: str | None = None) -> "Access":
        """Access to a server that is bound to `host` and may also be called as `allowed`."""
        own = host.lower()
        names = LOOPBACK | {own} | {name.lower() for name in allowed}
        return cls(names.difference(EVERYWHERE), own in EVERYWHERE, token)

    def answers_to(self, authority: str) -> bool:
        """Whether the server may be asked under what a Host header says."""
        name = host_of(authority)
        return name in self.names or (self.any_address and _is_address(name))

    def knows(self, token: str) -> bool:
        """Whether a token is the right one; takes as long for a wrong one."""
        if self.token is None:
            return True
        return secrets.compare_digest(token.encode(errors="replace"), self.token.encode())


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach an address."""
    return host.lower() in LOOPBACK or (_is_address(host) and host.startswith("127."))


def host_of(authority: str) -> str:
    """The name in a Host header, without its port and in lower case."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0].lower()
    return authority.partition(":")[0].lower()


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(_RANDOM_BYTES)


def checked_token(token: str, source: str) -> str:
    """Return a token that somebody chose when it can be sent and is long enough.

    Raises:
        UsageError: it is not; the sentence does not repeat it.
    """
    if len(token) < _LEAST_LENGTH or not _TOKEN.match(token):
        raise UsageError(
            f"the token in {source} is not one of at least {_LEAST_LENGTH} letters, digits "
            "and -._~+/=",
            "openssl rand -hex 24",
        )
    return token


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
