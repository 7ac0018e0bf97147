"""What a task says beside its progress, where nobody listens."""


def unsaid(sentence: str) -> None:
    """Nobody is told."""
