"""Whose grants the Admin edge asks for."""

from uuid import UUID

import pytest
from rafiki.grant.v1 import grant_admin_service_pb2 as pb
from servicekit.acting_tenant import Actor

from services.auth.admin.admission import Admission

OPERATOR = UUID("00000000-0000-7000-8000-00000000000a")
TENANT, OTHER = "00000000-0000-7000-8000-00000000000b", "00000000-0000-7000-8000-00000000000c"
admission = Admission(operator_id=OPERATOR)


@pytest.mark.parametrize("kind", [pb.GetGrantRequest, pb.ListGrantsRequest, pb.RevokeGrantRequest])
@pytest.mark.parametrize("asked", [None, OTHER])
async def test_a_tenant_asks_for_its_own_the_operator_for_whom_it_likes(
    kind: type[pb.GetGrantRequest], asked: str | None
) -> None:
    for actor, kept in ((TENANT, TENANT), (str(OPERATOR), asked or "")):
        request = kind(tenant_id=asked)
        await admission(request, Actor(tenant_id=actor).metadata())
        assert request.tenant_id == kept


async def test_a_call_that_names_nobody_is_left_as_it_is() -> None:
    request = pb.ListGrantsRequest(tenant_id=OTHER)
    await admission(request, ())
    assert request.tenant_id == OTHER
