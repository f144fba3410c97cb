"""What can go wrong, said once: a code for programs, a sentence for people, the facts for both."""

from __future__ import annotations


class PregonError(Exception):
    """A mistake or an obstacle a person can act on.

    `code` is stable ("segment.taken", never rename), `template` is the English sentence with
    `{placeholders}` (also the key in the translation catalogues), `details` fills it.
    Secrets never go into `details`.
    """

    def __init__(self, code: str, template: str, **details: object) -> None:
        self.code = code
        self.template = template
        self.details = details
        super().__init__(self.sentence)

    @property
    def sentence(self) -> str:
        return self.template.format(**self.details)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.code, self.template, self.details)


def _rebuild(
    kind: type[PregonError], code: str, template: str, details: dict[str, object]
) -> PregonError:
    return kind(code, template, **details)


class NotFound(PregonError):
    """The thing named does not exist (any more)."""


class Conflict(PregonError):
    """Somebody or something else was first: a taken name, a changed draft, a state that moved."""


class Invalid(PregonError):
    """What was given cannot be used; the sentence says what and where."""


class Unavailable(PregonError):
    """A part of the installation (Redis, the database, a file) cannot be reached now."""
