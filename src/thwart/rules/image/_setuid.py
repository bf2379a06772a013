"""Which setuid and setgid programs the packages of distributions bring."""

from __future__ import annotations

from thwart.core.layer import Note

# fmt: off
_USUAL = frozenset((
    "at", "bbsuid", "bsd-write", "chage", "chfn", "chsh", "crontab", "dbus-daemon-launch-helper", "dotlockfile",
    "expiry", "fusermount", "fusermount3", "gpasswd", "locate", "mlocate", "mount", "mount.cifs", "mount.nfs",
    "newgidmap", "newgrp", "newuidmap", "ntfs-3g", "pam_extrausers_chkpwd", "pam_timestamp_check", "passwd", "ping",
    "ping6", "pkexec", "plocate", "polkit-agent-helper-1", "ssh-agent", "ssh-keysign", "su", "sudo", "sudoedit",
    "umount", "umount.nfs", "unix_chkpwd", "unix_update", "userhelper", "usernetctl", "utempter", "wall", "write",
    "write.ul",
))
# fmt: on
_FOLDERS = ("bin/", "sbin/", "usr/bin/", "usr/sbin/", "lib/", "lib64/", "usr/lib/", "usr/lib64/", "usr/libexec/")


def privileged(note: Note) -> bool:
    """Whether it is a program that runs as its owner or group."""
    return note.kind == "0" and bool(note.mode & 0o6000)


def usual(note: Note) -> bool:
    """Whether distributions have it, and where they do."""
    return note.path.startswith(_FOLDERS) and note.path.rpartition("/")[2] in _USUAL
