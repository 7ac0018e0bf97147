"""Which image of a group is kept: a policy that the user chooses."""

from collections.abc import Callable
from typing import Final

from nachash.options import Keep
from nachash.tasks.dedup.members import Member

Rank = tuple[bool | int, ...]  # the smallest is kept


def rank(member: Member, keep: Keep) -> Rank:
    """Of a reference folder first, then as the policy says, then the largest, then by row."""
    return (not member.protected, *_POLICIES[keep](member), *_largest(member), member.row)


def _largest(member: Member) -> Rank:
    pixels = member.header.width * member.header.height if member.header else 0
    return -pixels, -member.size


def _camera(member: Member) -> Rank:
    """What came out of a camera, neither enlarged nor compressed again; then what was edited."""
    return not (member.header and member.header.camera), not member.edited


_POLICIES: Final[dict[Keep, Callable[[Member], Rank]]] = {
    "camera": _camera,
    "largest": _largest,
    "oldest": lambda member: (member.mtime_ns,),
    "newest": lambda member: (-member.mtime_ns,),
    "shortest-path": lambda member: (len(member.path),),
}
