"""The hosts that the user named: the only ones that pictures of an index are fetched from.

An index says where its pictures lie, and may come from a stranger; a URL in it could be one that
only this machine can reach.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, final

from nachash.errors import ImageError

_URL: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+]*)://(?:[^\s/?#\\@]*@)?"
    r"(?P<host>\[[0-9a-f:.]+\]|[^\s/?#\\@:\[\]]+)(?::(?P<port>[0-9]{1,5}))?(?:/|$)",
    re.IGNORECASE,
)
_PORTS: Final = {"http": "80", "https": "443"}
_HERE: Final = "memory"  # fsspec's files in this process


def host_of(url: str) -> str:
    """The host of a URL with its port, `s3://bucket` for a bucket; empty where none is clear."""
    found = _URL.match(url)
    if found is None:
        return ""
    scheme, host, port = found["scheme"].lower(), found["host"].lower(), found["port"]
    if scheme not in _PORTS:
        return f"{scheme}://{host}"
    return host if port in (None, _PORTS[scheme]) else f"{host}:{port}"


@final
@dataclass(frozen=True, slots=True)
class Hosts:
    """Hosts as `host_of` gives them; by default none."""

    named: frozenset[str] = frozenset()

    @classmethod
    def of(cls, names: Iterable[str], places: Iterable[str] = ()) -> "Hosts":
        """Hosts by name or URL, and those of the URLs among the places that a command was given."""
        urls = (place for place in places if "://" in place)
        named = (each if "://" in each else f"http://{each}" for each in names)
        return cls(frozenset(filter(None, map(host_of, (*named, *urls)))))

    def refusal(self, url: str) -> str:
        """Why a URL is not opened; empty where its host was named."""
        host = host_of(url)
        if host in self.named or host.startswith(f"{_HERE}://"):
            return ""
        if not host:
            return "the host of its URL is not clear"
        return f"{host} was not named: add --allow-host {host}"

    def require(self, url: str) -> None:
        """Refuse a URL whose host was not named.

        Raises:
            ImageError: see above.
        """
        if refusal := self.refusal(url):
            raise ImageError(refusal)


NONE: Final = Hosts()
