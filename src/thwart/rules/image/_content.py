"""What a look into a file shows: accounts, private keys, credentials. Only kinds and names leave here, never a secret."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from thwart.rules._secrets import secret

LONGEST = 1 << 20  # bytes of a file that are looked at
SCANNED = 1 << 16  # bytes of a file that is looked at for what its name does not tell
KEY_START = b"-----BEGIN "
DULL = ("usr/share/doc/", "usr/share/man/", "usr/share/locale/", "usr/share/zoneinfo/")  # nothing of all this is there

Rows = tuple[tuple[str, ...], ...]


class Look(NamedTuple):
    """What a file holds, and of it what rules need."""

    holds: str
    detail: Rows = ()


# Files that are there for credentials: where they lie, what they are called, and what they contain when they hold some.
_CREDENTIALS: tuple[tuple[str, tuple[str, ...], bytes], ...] = (
    ("AWS credentials", (".aws/credentials", ".aws/config"), rb"(?m)^\s*aws_secret_access_key\s*=\s*\S{20}"),
    (
        "credentials of a registry",
        (".docker/config.json", ".dockercfg", "containers/auth.json", ".dockerconfigjson"),
        rb'"(?:auth|identitytoken|registrytoken|password)"\s*:\s*"[^"]{4}',
    ),
    (
        "a token of a package registry",
        (".npmrc", "npmrc", ".yarnrc.yml", ".pypirc", ".gem/credentials", ".cargo/credentials.toml"),
        (
            rb"(?mi)(?::_authToken|_auth|_password|npmAuthToken|^\s*password|:rubygems_api_key|^\s*token)[\"']?\s*[=:]\s*"
            rb"[\"']?(?!\$\{|%\()[^\s\"'$]{4}"
        ),
    ),
    ("a password of Git", (".git-credentials", ".git/config", ".gitconfig"), rb"://[^:@/\s]{0,200}:[^@/\s$]{1,400}@"),
    ("passwords of hosts", (".netrc", "_netrc"), rb"\bpassword\s+[^\s$]"),
    (
        "a key of a cluster",
        (".kube/config", "kubeconfig", "*.kubeconfig", "kubernetes/admin.conf", "kubernetes/kubelet.conf"),
        rb"(?:client-key-data|token|password)\s*:\s*[\"']?[^\s\"'$]{8}",
    ),
    (
        "credentials of Google Cloud",
        ("application_default_credentials.json", "adc.json", ".boto"),
        rb'"(?:refresh_token|private_key)"\s*:\s*"[^"]{8}|(?m:^\s*gs_secret_access_key\s*=\s*\S{8})',
    ),
    (
        "tokens of Azure",
        (".azure/accessTokens.json", ".azure/msal_token_cache.json", ".azure/azureProfile.json"),
        rb'"(?:refreshToken|accessToken|secret)"\s*:\s*"[^"]{20}',
    ),
    (
        "the state of Terraform",
        ("*.tfstate", "*.tfstate.backup", "terraform.tfstate"),
        rb'"terraform_version"\s*:(?s:.*)"(?:attributes|primary|value)"\s*:',
    ),
    ("a password of a database", (".pgpass", ".my.cnf", "root/.mylogin.cnf"),
     rb"(?m)^(?:[^:#\n]{0,200}:){4}[^\s:]|^\s*password\s*=\s*[^\s$]"),
    ("hashes of passwords", (".htpasswd", "htpasswd"), rb"(?m)^[^:\s]{1,200}:(?:\$apr1\$|\$2[aby]\$|\{SHA\}|\$[156]\$)"),
    ("a token of a Vault", (".vault-token",), rb"^\s*[hs]\.?[vs.]?[\w.-]{20}"),
)  # fmt: skip
_CREDENTIAL_FORMS = {name: form for name, _, form in _CREDENTIALS}
_STAGES = ("local", "dev", "development", "staging", "prod", "production")
_OTHERS_BY_NAME = {
    "passwd": ("passwd",),
    "shadow": ("shadow", "shadow-"),
    "key": (
        *(f"*.{ending}" for ending in ("pem", "key", "ppk", "pk8", "p8", "priv", "ovpn", "asc")),
        *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "identity"),
    ),
    "environment": (".env", "*.env", *(f".env.{stage}" for stage in _STAGES)),
}


def _table() -> tuple[dict[str, list[tuple[str, str]]], dict[str, list[tuple[str, str]]]]:
    """How a path may end, by its last name and by what follows the last dot, with what to look for."""
    names: dict[str, list[tuple[str, str]]] = {}
    endings: dict[str, list[tuple[str, str]]] = {}
    told = [(kind, tail) for kind, tails, _ in _CREDENTIALS for tail in tails]
    for kind, tail in (*told, *((kind, tail) for kind, tails in _OTHERS_BY_NAME.items() for tail in tails)):
        if tail.startswith("*"):
            endings.setdefault(tail.rpartition(".")[2], []).append((tail[1:], kind))
        else:
            names.setdefault(tail.rpartition("/")[2], []).append((f"/{tail}", kind))
    return names, endings


_NAMES, _ENDINGS = _table()

# Folders whose keys and tokens are there for tests and readers.
_TESTS = re.compile(
    r"(?:^|/)(?:tests?|testing|test[-_]?data|__tests__|fixtures?|specs?|examples?|samples?|mocks?|docs?|man)/",
    re.IGNORECASE,
)
# Where people put their own files, and what may hold a token there.
_OWN = (
    "app/",
    "srv/",
    "opt/",
    "root/",
    "home/",
    "usr/src/",
    "var/www/",
    "code/",
    "workspace/",
    "usr/local/etc/",
    "data/",
)
_OTHERS = re.compile(r"/(?:node_modules|site-packages|dist-packages|vendor|bower_components|\.cargo/registry|gems)/")
_TEXT = re.compile(
    r".*(?:/|\.)(?:(?:ash|bash|python|zsh)_history|cfg|cnf|conf|config|credentials|env|go|ini|java|js|json|php|profile|"
    r"properties|ps1|py|rb|secret|sh|toml|token|ts|txt|xml|ya?ml)",
    re.IGNORECASE | re.DOTALL,
)

_TOKEN = re.compile(
    rb"(?<![A-Za-z0-9_])(?:"
    rb"(?P<AWS>A(?:KIA|SIA)[A-Z2-7]{16}(?![A-Za-z0-9]))"
    rb"|(?P<GitHub>gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40})"
    rb"|(?P<GitLab>glpat-[A-Za-z0-9_-]{20})"
    rb"|(?P<Slack>xox[abprs]-[0-9]{8,16}-[A-Za-z0-9-]{10})"
    rb"|(?P<Stripe>[rs]k_live_[A-Za-z0-9]{20})"
    rb"|(?P<npm>npm_[A-Za-z0-9]{36})"
    rb"|(?P<PyPI>pypi-AgE[A-Za-z0-9_-]{40})"
    rb"|(?P<Vault>hvs\.[A-Za-z0-9_-]{24})"
    rb"|(?P<Google>\"type\"\s{0,20}:\s{0,20}\"service_account\")"
    rb")"
)
_ARMOUR = re.compile(rb"-----BEGIN ([A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?)-----([^-]{40,8192})")
_PUTTY = re.compile(rb"PuTTY-User-Key-File-[123]: (\S{1,40})\s+Encryption: (\S{1,40})\s(?s:.){0,8192}?Private-Lines: ")
_HASH = re.compile(r"!*(?:\$[0-9A-Za-z]+\$.+|[./0-9A-Za-z]{13}|_[./0-9A-Za-z]{19})")
_ACCOUNT = re.compile(rb"[^:\n]+:[^:\n]*:\d+:\d+:[^:\n]*:[^:\n]*:[^:\n]*\n?")
_SHADOW = re.compile(rb"[^:\n]+:[^:\n]*(?::[^:\n]*){7}\n?")


def kinds(path: str) -> tuple[str, ...]:
    """Why a file is worth a look, by its path alone: names for `look`."""
    name = path.rpartition("/")[2]
    by_name, by_ending = _NAMES.get(name, ()), _ENDINGS.get(name.rpartition(".")[2], ())
    if by_name or by_ending:
        rooted = f"/{path}"
        if found := tuple(kind for tail, kind in (*by_name, *by_ending) if rooted.endswith(tail)):
            return found
    if not path.startswith(_OWN):
        return ()
    return ("text",) if _TEXT.fullmatch(path) and not _OTHERS.search("/" + path) else ()


def look(path: str, wanted: Iterable[str], data: bytes) -> Look | None:
    """What a file holds; the first of the `kinds` that is really there. `data` may be cut."""
    for kind in wanted:
        if kind in _CREDENTIAL_FORMS:
            found = Look("credentials", ((kind,),)) if re.search(_CREDENTIAL_FORMS[kind], data) else None
        else:
            found = _LOOKS[kind](path, data)
        if found is not None:
            return found
    return None


def _passwd(_: str, data: bytes) -> Look | None:
    """Accounts as passwd(5) has them: name, number, and whether the password is `empty` or a `hash`."""
    if not _ACCOUNT.match(data):
        return None
    rows = (line.split(":") for line in data.decode("utf-8", "replace").splitlines())
    return Look(
        "passwd", tuple((row[0], row[2], _password(row[1])) for row in rows if len(row) == 7 and row[2].isdigit())
    )


def _shadow(_: str, data: bytes) -> Look | None:
    """Accounts as shadow(5) has them whose password is `empty` or a `hash`."""
    if not _SHADOW.match(data):
        return None
    rows = (line.split(":") for line in data.decode("utf-8", "replace").splitlines())
    told = ((row[0], _password(row[1])) for row in rows if len(row) == 9)
    return Look("shadow", tuple(row for row in told if row[1]))


def _password(field: str) -> str:
    return "hash" if _HASH.fullmatch(field) else "" if field else "empty"


def _key(path: str, data: bytes) -> Look | None:
    """A private key in PEM, OpenSSH's, OpenPGP's or PuTTY's form, whose body is one: `rsa`, and whether it is encrypted."""
    if _TESTS.search(path):
        return None
    rows = dict.fromkeys(_armoured(data))
    putty = _PUTTY.search(data)
    if putty:
        rows["PuTTY private key", "" if putty[2] == b"none" else "encrypted"] = None
    return Look("private-key", tuple(rows)) if rows else None


def _armoured(data: bytes) -> Iterator[tuple[str, str]]:
    for found in _ARMOUR.finditer(data):
        name, body = found[1].decode().replace(" BLOCK", ""), found[2].replace(b"\\n", b"\n")
        text = b"".join(line.strip() for line in body.splitlines() if b":" not in line)
        if len(text) < 40 or len(set(text)) < 8:
            continue  # a placeholder
        sealed = "ENCRYPTED" in name or b"ENCRYPTED" in body or _sealed(text)
        yield _words(name), "encrypted" if sealed else ""


def _words(name: str) -> str:
    kind = name.removeprefix("ENCRYPTED ").removesuffix("PRIVATE KEY").strip().replace("OPENSSH", "OpenSSH")
    return f"{kind.replace('PGP', 'OpenPGP')} private key".strip()


def _sealed(text: bytes) -> bool:
    """Whether OpenSSH's own form (PROTOCOL.key) names a cipher."""
    try:
        head = b64decode(text[:64])
    except ValueError:
        return False
    return head.startswith(b"openssh-key-v1\0") and not head[15:].startswith(b"\0\0\0\4none")


def _environment(path: str, data: bytes) -> Look | None:
    """Names of variables with secrets in a file of `NAME=value`."""
    if _TESTS.search(path):
        return None
    pairs = (line.removeprefix("export ").partition("=") for line in data.decode("utf-8", "replace").splitlines())
    named = (
        (name.strip(), value.strip().strip("\"'")) for name, _, value in pairs if not name.lstrip().startswith("#")
    )
    names = dict.fromkeys(name[:100] for name, value in named if secret(name, value))
    return Look("credentials", (("variables with secrets: " + ", ".join(list(names)[:5]),),)) if names else None


def _text(path: str, data: bytes) -> Look | None:
    """Tokens that are known by their form, and private keys."""
    if _TESTS.search(path):
        return None
    found = dict.fromkeys(
        f"a token of {one.lastgroup}" if one.lastgroup != "Google" else "a key of Google Cloud"
        for one in _TOKEN.finditer(data)
        if b"EXAMPLE" not in one[0] and (one.lastgroup != "Google" or b'"private_key"' in data)
    )
    return Look("credentials", tuple((one,) for one in found)) if found else _key(path, data)


_LOOKS = {"passwd": _passwd, "shadow": _shadow, "key": _key, "environment": _environment, "text": _text}
