"""Whether images whose codes are near are the same picture: looked at, a pair at a time."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, final

from nachash.errors import ImageError
from nachash.images.second_look.agreement import ALIKE, Agreement, compare
from nachash.images.second_look.view import View
from nachash.images.sources.hosts import Hosts
from nachash.images.sources.originals import opened_at
from nachash.tasks.dedup.members import Member

_VIEWS: Final = 512  # pictures that are kept, of at most 0.5 MB each


@final
@dataclass(eq=False, slots=True)
class SecondLook:
    """Compares pictures; each is opened once, or again where many others came between."""

    hosts: Hosts
    looks: int = 0
    _views: OrderedDict[str, View | None] = field(default_factory=OrderedDict)

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
        if member.path not in self._views:
            self._views[member.path] = _opened(member.path, self.hosts)
            if len(self._views) > _VIEWS:
                self._views.popitem(last=False)
        self._views.move_to_end(member.path)
        return self._views[member.path]


def _opened(path: str, hosts: Hosts) -> View | None:
    try:
        return View.of(opened_at(path, hosts))
    except (ImageError, OSError):
        return None
