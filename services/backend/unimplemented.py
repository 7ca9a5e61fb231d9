"""The RPCs of the contract that this service does not serve yet: the one list of them."""

from typing import Final

from servicekit.errors import Unimplemented

UNIMPLEMENTED: Final = frozenset(
    {
        "WalletAddressAdminService.TriggerWalletAddressEvents",
    }
)


def unimplemented(rpc: str) -> Unimplemented:
    """The refusal of an RPC on the list."""
    assert rpc in UNIMPLEMENTED, f"{rpc} is not on the list"
    return Unimplemented("UNIMPLEMENTED", f"{rpc} is not served yet", metadata={"rpc": rpc})
