"""LedgerService over a real channel, on the memory engine."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import grpc.aio
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from rafiki.common.v1.error_reason_pb2 import ErrorReason
from rafiki.ledger.v1 import ledger_pb2, ledger_service_pb2
from rafiki.ledger.v1.ledger_service_pb2_grpc import (
    LedgerServiceStub,
    add_LedgerServiceServicer_to_server,
)
from servicekit.clock import SystemClock
from servicekit.error_mapping import from_rpc_error
from servicekit.grpc_server import ServiceBinding, build_grpc_server
from servicekit.health import HealthChecks
from servicekit.ids import SystemIds

from services.backend.ledger.batching.batcher import BatchedLedger
from services.backend.ledger.errors import LedgerUnavailableError, TransferStatus
from services.backend.ledger.ids import derive_id
from services.backend.ledger.interface import Chain
from services.backend.ledger.memory.engine import MemoryLedger
from services.backend.ledger.model import ChainResult, NewAccount, Transfer, TransferKind
from services.backend.ledger.rules.chart import AccountCode
from services.backend.ledger.servicer import (
    _TRANSFER_STATUSES,
    _UNREADABLE,
    ITEMS_MAX,
    PAGE_TRANSFERS_MAX,
    STREAM_BATCHES_IN_FLIGHT_MAX,
    LedgerServicer,
)
from tests.support.clock import ManualClock
from tests.support.waiting import until

LEDGER = 7
SETTLEMENT, PEER, ASSET = (str(UUID(int=number)) for number in (LEDGER, 2**100 + 1, 2**100 + 2))
KIND, STATUS = ledger_pb2.TransferKind, ledger_pb2.TransferStatus
DERIVED = str(UUID(int=derive_id("outgoing payment deposit", 1)))
Stub = Any


def transfer_id(number: int) -> str:
    return str(UUID(int=2**99 + number))


def single(number: int, debit: str, credit: str, amount: int, **more: Any) -> ledger_pb2.Transfer:
    fields: dict[str, Any] = {
        "id": transfer_id(number),
        "debit_account_id": debit,
        "credit_account_id": credit,
        "amount": amount,
        "ledger": LEDGER,
        "code": 1,
        "kind": KIND.TRANSFER_KIND_SINGLE,
    }
    return ledger_pb2.Transfer(**(fields | more))


def pending(number: int, amount: int, **more: Any) -> ledger_pb2.Transfer:
    return single(number, PEER, ASSET, amount, kind=KIND.TRANSFER_KIND_PENDING, **more)


def post(number: int, pending_number: int, **more: Any) -> ledger_pb2.Transfer:
    kind = KIND.TRANSFER_KIND_POST
    pending_id = transfer_id(pending_number)
    return ledger_pb2.Transfer(id=transfer_id(number), kind=kind, pending_id=pending_id, **more)


def void(number: int, pending_number: int) -> ledger_pb2.Transfer:
    kind, pending_id = KIND.TRANSFER_KIND_VOID, transfer_id(pending_number)
    return ledger_pb2.Transfer(id=transfer_id(number), kind=kind, pending_id=pending_id)


def account(account_id: str, kind: int, ledger: int = LEDGER) -> ledger_pb2.Account:
    return ledger_pb2.Account(
        id=account_id, ledger=ledger, kind=ledger_pb2.AccountKind.ValueType(kind)
    )


class GatedLedger(BatchedLedger):
    """Lets a test hold writes back, or fail them."""

    def __init__(self, engine: MemoryLedger) -> None:
        super().__init__(engine)
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = 0
        self.failure: Exception | None = None

    async def submit(self, chain: Chain, *, opening: Sequence[NewAccount] = ()) -> ChainResult:
        self.waiting += 1
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return await super().submit(chain)


@pytest.fixture
def ledger() -> GatedLedger:
    return GatedLedger(MemoryLedger(clock=ManualClock()))


@pytest.fixture
async def channel(ledger: GatedLedger) -> AsyncIterator[grpc.aio.Channel]:
    clock = SystemClock()
    binding = ServiceBinding(
        descriptor=ledger_service_pb2.DESCRIPTOR.services_by_name["LedgerService"],
        add=add_LedgerServiceServicer_to_server,
        servicer=LedgerServicer(ledger=ledger),
    )
    server = build_grpc_server(
        services=[binding],
        host="127.0.0.1",
        port=0,
        checks=HealthChecks(clock=clock),
        clock=clock,
        ids=SystemIds(clock),
    )
    port = await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as opened:
        yield opened
    await server.stop(0)


@pytest.fixture
async def stub(channel: grpc.aio.Channel) -> Stub:
    service: Stub = LedgerServiceStub(channel)
    kinds = ((SETTLEMENT, 101), (PEER, 3), (ASSET, 2))
    await service.CreateAccounts(
        ledger_service_pb2.CreateAccountsRequest(
            accounts=[account(account_id, kind) for account_id, kind in kinds]
        )
    )
    await apply(service, [single(1, SETTLEMENT, PEER, 100)])
    return service


async def apply(stub: Stub, *chains: Sequence[ledger_pb2.Transfer]) -> list[list[int]]:
    request = ledger_service_pb2.CreateTransfersRequest(
        chains=[ledger_pb2.Chain(transfers=chain) for chain in chains]
    )
    response = await stub.CreateTransfers(request)
    return [list(result.statuses) for result in response.results]


async def balances(stub: Stub, account_id: str) -> tuple[str, str, str, str]:
    request = ledger_service_pb2.LookupAccountsRequest(ids=[account_id])
    [found] = (await stub.LookupAccounts(request)).accounts
    assert (found.id, found.ledger) == (account_id, LEDGER)
    return (
        found.debits_pending,
        found.debits_posted,
        found.credits_pending,
        found.credits_posted,
    )


async def test_accounts_are_created_once_and_each_answered_by_itself(stub: Stub) -> None:
    other = str(UUID(int=2**100 + 3))
    response = await stub.CreateAccounts(
        ledger_service_pb2.CreateAccountsRequest(
            accounts=[
                account(other, 3),
                account(PEER, 3),
                account(PEER, 2),
                account("no uuid", 3),
                account(other, 0),
                account(other, 3, ledger=0),
            ]
        )
    )
    assert list(response.statuses) == [
        ledger_service_pb2.ACCOUNT_STATUS_CREATED,
        ledger_service_pb2.ACCOUNT_STATUS_EXISTS,
        ledger_service_pb2.ACCOUNT_STATUS_EXISTS_WITH_OTHER_CONTENT,
        ledger_service_pb2.ACCOUNT_STATUS_INVALID,
        ledger_service_pb2.ACCOUNT_STATUS_INVALID,
        ledger_service_pb2.ACCOUNT_STATUS_INVALID,
    ]


async def test_accounts_have_the_limits_of_their_kind(stub: Stub) -> None:
    other_settlement = str(UUID(int=2**100 + 3))
    await stub.CreateAccounts(
        ledger_service_pb2.CreateAccountsRequest(accounts=[account(other_settlement, 101)])
    )
    statuses = await apply(
        stub,
        [single(2, PEER, ASSET, 101)],
        [single(3, other_settlement, PEER, 50)],
        [single(4, PEER, SETTLEMENT, 101)],
        [single(5, PEER, SETTLEMENT, 100)],
    )
    assert statuses == [
        [STATUS.TRANSFER_STATUS_INSUFFICIENT_BALANCE],
        [STATUS.TRANSFER_STATUS_CREATED],
        [STATUS.TRANSFER_STATUS_INSUFFICIENT_DEBIT_BALANCE],
        [STATUS.TRANSFER_STATUS_CREATED],
    ]


async def test_each_transfer_has_a_status_and_a_chain_is_all_or_nothing(stub: Stub) -> None:
    statuses = await apply(
        stub,
        [single(2, PEER, ASSET, 10)],
        [single(3, PEER, ASSET, 10), single(4, PEER, ASSET, 1_000), single(5, PEER, ASSET, 1)],
        [single(6, PEER, ASSET, 5)],
        [single(2, PEER, ASSET, 10)],
        [single(2, PEER, ASSET, 11)],
    )
    failed = STATUS.TRANSFER_STATUS_CHAIN_FAILED
    assert statuses == [
        [STATUS.TRANSFER_STATUS_CREATED],
        [failed, STATUS.TRANSFER_STATUS_INSUFFICIENT_BALANCE, failed],
        [STATUS.TRANSFER_STATUS_CREATED],
        [STATUS.TRANSFER_STATUS_EXISTS],
        [STATUS.TRANSFER_STATUS_TRANSFER_EXISTS],
    ]
    assert await balances(stub, PEER) == ("0", "15", "0", "100")


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"id": "no uuid"}, STATUS.TRANSFER_STATUS_INVALID_ID),
        ({"id": ""}, STATUS.TRANSFER_STATUS_INVALID_ID),
        ({"id": DERIVED}, STATUS.TRANSFER_STATUS_INVALID_ID),
        ({"debit_account_id": "no uuid"}, STATUS.TRANSFER_STATUS_INVALID_ID),
        ({"credit_account_id": ""}, STATUS.TRANSFER_STATUS_INVALID_ID),
        ({"cause_id": "no uuid"}, STATUS.TRANSFER_STATUS_INVALID_ID),
        ({"amount": 0}, STATUS.TRANSFER_STATUS_INVALID_AMOUNT),
        ({"credit_account_id": PEER}, STATUS.TRANSFER_STATUS_SAME_ACCOUNTS),
        ({"credit_account_id": transfer_id(0)}, STATUS.TRANSFER_STATUS_UNKNOWN_DESTINATION_ACCOUNT),
        ({"debit_account_id": transfer_id(0)}, STATUS.TRANSFER_STATUS_UNKNOWN_SOURCE_ACCOUNT),
        ({"ledger": LEDGER + 1}, STATUS.TRANSFER_STATUS_DIFFERENT_ASSETS),
        ({"timeout_seconds": 1}, STATUS.TRANSFER_STATUS_INVALID_TIMEOUT),
    ],
)
async def test_a_wrong_transfer_is_a_status_and_its_neighbours_are_applied(
    stub: Stub, wrong: dict[str, Any], status: int
) -> None:
    wrong = dict(wrong)
    bad = single(2, PEER, ASSET, wrong.pop("amount", 1), **wrong)
    statuses = await apply(stub, [single(3, PEER, ASSET, 1)], [bad], [single(4, PEER, ASSET, 1)])
    created = STATUS.TRANSFER_STATUS_CREATED
    assert statuses == [[created], [status], [created]]


async def test_two_unreadable_ids_in_a_chain_are_not_taken_for_one(stub: Stub) -> None:
    chain = [single(0, PEER, ASSET, 1, id="a"), single(0, PEER, ASSET, 1, id="b")]
    failed, invalid = STATUS.TRANSFER_STATUS_CHAIN_FAILED, STATUS.TRANSFER_STATUS_INVALID_ID
    assert await apply(stub, chain) == [[invalid, failed]]


async def test_a_reservation_is_posted_in_full_in_part_or_not_at_all(stub: Stub) -> None:
    reserved = [pending(number, 10) for number in (10, 11, 12, 13)]
    await apply(stub, *[[each] for each in reserved])
    assert await balances(stub, PEER) == ("40", "0", "0", "100")
    statuses = await apply(
        stub, [post(20, 10)], [post(21, 11, amount=4)], [post(22, 12, amount=0)], [void(23, 13)]
    )
    assert statuses == [[STATUS.TRANSFER_STATUS_CREATED]] * 4
    assert await balances(stub, PEER) == ("0", "14", "0", "100")
    statuses = await apply(stub, [void(24, 10)], [post(25, 13)], [post(26, 99)], [post(21, 11)])
    assert statuses == [
        [STATUS.TRANSFER_STATUS_ALREADY_POSTED],
        [STATUS.TRANSFER_STATUS_ALREADY_VOIDED],
        [STATUS.TRANSFER_STATUS_UNKNOWN_TRANSFER],
        [STATUS.TRANSFER_STATUS_TRANSFER_EXISTS],
    ]
    assert await apply(stub, [post(22, 12, amount=0)]) == [[STATUS.TRANSFER_STATUS_EXISTS]]
    assert await apply(stub, [void(27, 12)]) == [[STATUS.TRANSFER_STATUS_ALREADY_POSTED]]


async def test_transfers_come_back_as_they_were_sent_with_the_time(stub: Stub) -> None:
    cause = str(UUID(int=5))
    sent = pending(2, 2**64 - 1, timeout_seconds=60, cause_id=cause)
    sent.amount = 9
    await apply(stub, [sent], [post(3, 2, amount=4)])
    request = ledger_service_pb2.LookupTransfersRequest(
        ids=[transfer_id(2), transfer_id(3), transfer_id(4)]
    )
    found = {each.id: each for each in (await stub.LookupTransfers(request)).transfers}
    assert found.keys() == {transfer_id(2), transfer_id(3)}
    assert found[transfer_id(2)].applied_at.seconds > 0
    found[transfer_id(2)].ClearField("applied_at")
    assert found[transfer_id(2)] == sent
    posted = found[transfer_id(3)]
    assert (posted.amount, posted.pending_id, posted.debit_account_id, posted.ledger) == (
        4,
        transfer_id(2),
        PEER,
        LEDGER,
    )


async def test_history_is_read_page_by_page_from_the_newest(stub: Stub) -> None:
    await apply(stub, *[[single(number, PEER, ASSET, 1)] for number in range(2, 7)])
    seen: list[str] = []
    cursor: str | None = None
    while True:
        request = ledger_service_pb2.ListAccountTransfersRequest(
            account_id=ASSET, limit=2, cursor=cursor
        )
        page = await stub.ListAccountTransfers(request)
        seen += [each.id for each in page.transfers]
        if not page.HasField("next_cursor"):
            break
        cursor = page.next_cursor
    assert seen == [transfer_id(number) for number in (6, 5, 4, 3, 2)]


async def refused(call: Any) -> tuple[grpc.StatusCode, str, str | None]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    error = from_rpc_error(caught.value)
    return caught.value.code(), error.reason, error.field


@pytest.mark.parametrize(
    ("transfer", "field"),
    [
        (single(2, PEER, ASSET, 1, kind=0), "chains[1].transfers[0].kind"),
        (single(2, PEER, ASSET, 1, code=0), "chains[1].transfers[0].code"),
        (single(2, PEER, ASSET, 1, code=2**16), "chains[1].transfers[0].code"),
        (single(2, PEER, ASSET, 1, ledger=0), "chains[1].transfers[0].ledger"),
    ],
)
async def test_what_no_status_can_tell_fails_the_call_before_anything_is_written(
    stub: Stub, transfer: ledger_pb2.Transfer, field: str
) -> None:
    answer = await refused(apply(stub, [single(3, PEER, ASSET, 1)], [transfer]))
    assert answer == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", field)
    assert await balances(stub, PEER) == ("0", "0", "0", "100")


async def test_a_chain_that_makes_no_sense_fails_the_call_before_anything_is_written(
    stub: Stub,
) -> None:
    twice = [single(2, PEER, ASSET, 1), single(2, PEER, ASSET, 1)]
    for chain in ([], twice):
        code, reason, _ = await refused(apply(stub, [single(3, PEER, ASSET, 1)], chain))
        assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    assert await balances(stub, PEER) == ("0", "0", "0", "100")


async def test_every_list_and_page_has_a_limit(stub: Stub) -> None:
    service = ledger_service_pb2
    too_many_ids = [PEER] * (ITEMS_MAX + 1)
    for call, field in (
        (apply(stub), "chains"),
        (apply(stub, *[[single(2, PEER, ASSET, 1)]] * (ITEMS_MAX + 1)), "chains"),
        (stub.CreateAccounts(service.CreateAccountsRequest()), "accounts"),
        (stub.LookupAccounts(service.LookupAccountsRequest(ids=too_many_ids)), "ids"),
        (stub.LookupTransfers(service.LookupTransfersRequest()), "ids"),
        (stub.LookupTransfers(service.LookupTransfersRequest(ids=["x"])), "ids[0]"),
    ):
        code, _, named = await refused(call)
        assert (code, named) == (grpc.StatusCode.INVALID_ARGUMENT, field)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"limit": PAGE_TRANSFERS_MAX + 1}, "limit"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "0"}, "cursor"),
        ({"cursor": "9" * 19}, "cursor"),
        ({"cursor": "9" * 5_000}, "cursor"),
        ({"account_id": "x"}, "account_id"),
    ],
)
async def test_a_wrong_page_names_its_field(stub: Stub, wrong: dict[str, Any], field: str) -> None:
    request = ledger_service_pb2.ListAccountTransfersRequest(**({"account_id": PEER} | wrong))
    code, _, named = await refused(stub.ListAccountTransfers(request))
    assert (code, named) == (grpc.StatusCode.INVALID_ARGUMENT, field)


async def test_a_ledger_that_does_not_answer_is_unavailable(
    stub: Stub, ledger: GatedLedger
) -> None:
    ledger.failure = LedgerUnavailableError("no reply; the outcome is unknown")
    code, reason, _ = await refused(apply(stub, [single(2, PEER, ASSET, 1)]))
    assert (code, reason) == (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")


def batch(sequence: int, *transfers: ledger_pb2.Transfer) -> Any:
    chains = [ledger_pb2.Chain(transfers=[transfer]) for transfer in transfers]
    return ledger_service_pb2.TransferBatchesRequest(sequence=sequence, chains=chains)


async def test_batches_stream_both_ways_and_answers_carry_their_number(stub: Stub) -> None:
    batches = [batch(100 + at, single(10 + at, PEER, ASSET, 1)) for at in range(40)]
    answers = {}
    async for response in stub.TransferBatches(iter(batches)):
        answers[response.sequence] = [list(each.statuses) for each in response.results]
    created = [[STATUS.TRANSFER_STATUS_CREATED]]
    assert answers == dict.fromkeys(range(100, 140), created)
    assert await balances(stub, PEER) == ("0", "40", "0", "100")


async def test_a_stream_has_only_so_many_batches_in_flight(stub: Stub, ledger: GatedLedger) -> None:
    ledger.waiting = 0
    ledger.gate.clear()
    count = STREAM_BATCHES_IN_FLIGHT_MAX + 5
    call = stub.TransferBatches(
        iter([batch(at, single(10 + at, PEER, ASSET, 1)) for at in range(count)])
    )
    reading = asyncio.create_task(collect(call))
    await until(lambda: ledger.waiting == STREAM_BATCHES_IN_FLIGHT_MAX)
    # An answer to a unary call means that the server had its chance to read more of the stream.
    await balances(stub, PEER)
    assert ledger.waiting == STREAM_BATCHES_IN_FLIGHT_MAX
    ledger.gate.set()
    assert sorted(await reading) == list(range(count))


async def collect(call: Any) -> list[int]:
    return [response.sequence async for response in call]


async def test_a_batch_that_can_t_be_carried_out_is_refused_alone(
    stub: Stub, ledger: GatedLedger
) -> None:
    good = {at: batch(at, single(10 + at, PEER, ASSET, 1)) for at in range(16)}
    wrong = batch(7, ledger_pb2.Transfer(id=str(UUID(int=99))))
    for bad, reason, field in (
        (batch(7), ErrorReason.ERROR_REASON_INVALID_FIELD, "chains"),
        (wrong, ErrorReason.ERROR_REASON_INVALID_FIELD, "chains[0].transfers[0].kind"),
    ):
        batches = list((good | {7: bad}).values())
        answers = {r.sequence: r async for r in stub.TransferBatches(iter(batches))}
        assert answers.keys() == good.keys()
        assert (answers[7].error.reason, answers[7].error.field) == (reason, field)
        assert not answers[7].results
        assert not any(r.HasField("error") for at, r in answers.items() if at != 7)
    ledger.failure = LedgerUnavailableError("away")
    answers = {r.sequence: r async for r in stub.TransferBatches(iter(good.values()))}
    assert {r.error.reason for r in answers.values()} == {ErrorReason.ERROR_REASON_UNAVAILABLE}
    assert len(answers) == len(good)


async def test_bytes_that_are_no_batch_end_the_stream_after_the_answers_owed(
    channel: grpc.aio.Channel,
) -> None:
    call: Any = channel.stream_stream("/rafiki.ledger.v1.LedgerService/TransferBatches")()
    await call.write(batch(1, single(10, PEER, ASSET, 1)).SerializeToString())
    await call.write(b"\xff")
    answer = ledger_service_pb2.TransferBatchesResponse.FromString(await call.read())
    assert (answer.sequence, answer.HasField("error")) == (1, False)
    code, reason, _ = await refused(call.read())
    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_BODY")


async def test_command_line_tools_find_the_service(channel: grpc.aio.Channel) -> None:
    reflection: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
    name = "rafiki.ledger.v1.LedgerService"
    requests = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol=name),
    ]
    replies = [reply async for reply in reflection.ServerReflectionInfo(iter(requests))]
    assert name in [service.name for service in replies[0].list_services_response.service]
    assert replies[1].file_descriptor_response.file_descriptor_proto


def test_every_status_of_the_ledger_can_be_told() -> None:
    told = _TRANSFER_STATUSES.keys() | _UNREADABLE.keys() | {TransferStatus.UNKNOWN_ERROR}
    assert told == set(TransferStatus)


async def test_an_account_keeps_its_asset_and_every_kind_has_a_name(stub: Stub) -> None:
    asset_id = str(UUID(int=0x0190_0000_0000_7000_8000_0000_0000_0001))
    wanted = [
        ledger_pb2.Account(
            id=str(UUID(int=0x0190_0000_0000_7000_8000_0000_0000_0100 + code)),
            ledger=LEDGER,
            kind=ledger_pb2.AccountKind.ValueType(code),
            asset_id=asset_id,
        )
        for code in AccountCode
    ]
    request = ledger_service_pb2.CreateAccountsRequest(accounts=wanted)
    created = await stub.CreateAccounts(request)
    assert list(created.statuses) == [ledger_service_pb2.ACCOUNT_STATUS_CREATED] * len(wanted)
    ids = ledger_service_pb2.LookupAccountsRequest(ids=[account.id for account in wanted])
    found = (await stub.LookupAccounts(ids)).accounts
    assert {account.asset_id for account in found} == {asset_id}
    names = {ledger_pb2.AccountKind.Name(account.kind) for account in found}
    assert names == {
        name for name, _ in ledger_pb2.AccountKind.items() if "UNSPECIFIED" not in name
    }


async def test_what_the_node_reserved_is_not_the_callers_to_resolve(
    stub: Stub, ledger: GatedLedger
) -> None:
    reserved = Transfer(
        UUID(DERIVED).int,
        UUID(PEER).int,
        UUID(ASSET).int,
        5,
        LEDGER,
        1,
        TransferKind.PENDING,
    )
    assert (await ledger.submit([reserved])).ok
    for kind in (KIND.TRANSFER_KIND_POST, KIND.TRANSFER_KIND_VOID):
        resolve = ledger_pb2.Transfer(id=transfer_id(90), kind=kind, pending_id=DERIVED)
        assert await apply(stub, [resolve]) == [[STATUS.TRANSFER_STATUS_INVALID_ID]]


async def test_no_account_gets_an_id_that_the_node_may_derive(stub: Stub) -> None:
    request = ledger_service_pb2.CreateAccountsRequest(
        accounts=[account(DERIVED, AccountCode.PEER)]
    )
    statuses = (await stub.CreateAccounts(request)).statuses
    assert list(statuses) == [ledger_service_pb2.ACCOUNT_STATUS_INVALID]
