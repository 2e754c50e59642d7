"""Tell somebody: a message through Apprise, to mail, chats and webhooks (the extra `nightly`)."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from sweep.errors import SweepError


def check_message(addresses: Sequence[str]) -> None:
    """Refuse addresses that no message can be sent to, before the night and not at its end.

    Raises:
        SweepError: With every one of them, without its secrets; or Apprise is not installed.
    """
    if not addresses:
        return
    if find_spec("apprise") is None:
        raise SweepError("nightly.notify= needs Apprise: pip install 'npu-sweep[nightly]'.")
    import apprise

    wrong = [address for address in addresses if not apprise.Apprise().add(address)]
    if wrong:
        kinds = ", ".join(f"{address.partition('://')[0]}://…" for address in wrong)
        raise SweepError(f"nightly.notify= holds what Apprise does not understand: {kinds}. See its list of services.")


def send(addresses: Sequence[str], title: str, body: str) -> bool:
    """Send a message; returns whether it went to all addresses."""
    if not addresses:
        return True
    import apprise

    sender = apprise.Apprise()
    for address in addresses:
        sender.add(address)
    return bool(sender.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT))
