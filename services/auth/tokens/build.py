"""The use cases of access tokens, put together."""

from dataclasses import dataclass

from servicekit.clock import Clock
from servicekit.database import Database
from servicekit.ids import IdSource

from services.auth.tokens.commands.revoke_token import RevokeToken
from services.auth.tokens.commands.rotate_token import RotateToken
from services.auth.tokens.issuing import TokenIssuer


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Everything that can be done with tokens."""

    issuer: TokenIssuer
    rotate: RotateToken
    revoke: RevokeToken


def build(*, database: Database, clock: Clock, ids: IdSource, token_life_s: int) -> Tokens:
    """Wire them."""
    issuer = TokenIssuer(clock=clock, ids=ids, token_life_s=token_life_s)
    return Tokens(
        issuer=issuer,
        rotate=RotateToken(database=database, clock=clock, issuer=issuer),
        revoke=RevokeToken(database=database, clock=clock),
    )
