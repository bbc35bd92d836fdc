"""What a part is: the text of its parameters, and what the methods of its class read, as far as it can be seen."""

from evo.identity.identity import Identity, differences, identities, identity_of, other_python
from evo.identity.naming import expect_named

__all__ = ["Identity", "differences", "expect_named", "identities", "identity_of", "other_python"]
