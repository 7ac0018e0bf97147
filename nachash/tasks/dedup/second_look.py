"""Whether images whose codes are near are the same picture: looked at, a pair at a time."""

from functools import partial
from typing import Final, final

from nachash.errors import ImageError
from nachash.images.second_look.agreement import ALIKE, Agreement, compare
from nachash.images.second_look.view import View
from nachash.images.sources.hosts import Hosts
from nachash.images.sources.originals import opened_at
from nachash.recently_used import RecentlyUsed
from nachash.tasks.dedup.members import Member

_MOST_BYTES: Final = 1 << 28  # of pictures that are kept: some 600


@final
class SecondLook:
    """Compares pictures; each is opened once, or again where many others came between."""

    def __init__(self, hosts: Hosts) -> None:
        self.looks = 0
        self._hosts = hosts
        self._views: RecentlyUsed[str, View | None] = RecentlyUsed(_MOST_BYTES, _bytes_of)

    def compare(self, one: Member, other: Member) -> Agreement | None:
        """How far two images agree; None where one of them cannot be seen.

        Files of equal bytes agree wholly, whatever else they hold.
        """
        if one.contents and one.contents == other.contents:
            return ALIKE
        first, second = self._view(one), self._view(other)
        if first is None or second is None:
            return None
        self.looks += 1
        return compare(first, second)

    def _view(self, member: Member) -> View | None:
        return self._views.value(member.path, partial(_opened, member.path, self._hosts))


def _opened(path: str, hosts: Hosts) -> View | None:
    try:
        return View.of(opened_at(path, hosts))
    except (ImageError, OSError):
        return None


def _bytes_of(view: View | None) -> int:
    return 0 if view is None else 3 * view.image.width * view.image.height
