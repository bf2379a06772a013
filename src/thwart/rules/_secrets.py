"""What names and values of secrets look like."""

from __future__ import annotations

import re

_NAME = re.compile(
    r"(?:^|(?<!PUBLIC)[_.-])(?:AZURE_(?:BATCH|STORAGE)_KEY|OCI_CLI_KEY_CONTENT|PASS|PASSWORD|PASSWD|PSW|PWD|PASSPHRASE|SECRET|TOKEN|CREDENTIALS|"
    r"(?:API|ACCESS|PRIVATE|SECRET|SESSION|SIGNING|ENCRYPTION|MASTER|AUTH|JWT|HMAC)[_.-]?KEY)$",
    re.IGNORECASE,
)
_LINK = re.compile(r"://[^/\s:@]{0,100}:[^/\s@$]{1,100}@")
_EMPTY = re.compile(r"\$\(|\$\{|\{\{|<[^>]{0,100}>$|^(?:true|false|none|null|changeme)$", re.IGNORECASE)
_LONGEST = 2000  # of a value that is looked at
_KEY = "-----BEGIN "


def secret(name: str, value: str) -> bool:
    """Whether it is a secret: by its name, or as an address with a password, or a private key. References are none."""
    shown = value[:_LONGEST]
    if not shown.strip() or _EMPTY.search(shown):
        return False
    if _LINK.search(shown) or (_KEY in shown and "PRIVATE KEY-----" in shown):
        return True
    return names_secret(name) and not shown.startswith("/")


def names_secret(name: str) -> bool:
    """Whether a variable of that name is there for a secret."""
    return bool(_NAME.search(name[:200]))
