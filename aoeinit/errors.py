"""The errors of aoeinit: each names the thing, the value and the way out."""


class AoeinitError(Exception):
    """Something that the user has to know and can act on.

    ``message`` says what is wrong and with which value; ``hint``, where there is one, says what to do.
    Only the command line prints either.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(AoeinitError):
    """An option or a value that a user gave cannot be used."""


class KernelError(AoeinitError):
    """A kernel release, its indexes or one of its modules cannot be used."""


class ProgramError(AoeinitError):
    """A program or a library for the image is missing or cannot be used."""


class ImageError(AoeinitError):
    """An image cannot be put together, written or read."""


class TrialError(AoeinitError):
    """A boot in an emulated machine cannot be tried, or did not come as far as it should."""
