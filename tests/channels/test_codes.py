from __future__ import annotations

import pytest

from channels.codes import Codes


def test_a_code_has_one_action() -> None:
    with pytest.raises(ValueError, match="7"):
        Codes(
            throttled={},
            temporary=frozenset({7}),
            opted_out=frozenset(),
            invalid=frozenset(),
            rejected=frozenset({7}),
            misconfigured=frozenset(),
        )
