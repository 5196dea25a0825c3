"""What an emitter may raise."""


class CannotEmit(ValueError):
    """The program holds something that has no form in PyTorch."""
