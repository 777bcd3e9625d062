"""Which kind of file system a database stands on: one shared over a network keeps neither its log nor our locks.

It is read from Linux's list of mounts. Elsewhere, macOS included, nothing is told and nothing refused.
"""

import re
from pathlib import Path

from artistjobs.errors import WrongUseError

MOUNTINFO = Path("/proc/self/mountinfo")


NETWORK_TYPES = frozenset(
    {
        "9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4",
        "smb3", "smbfs", "fuse.ceph", "fuse.cephfs", "fuse.davfs2", "fuse.gcsfuse", "fuse.glusterfs",
        "fuse.goofys", "fuse.juicefs", "fuse.rclone", "fuse.s3fs", "fuse.smbnetfs", "fuse.sshfs",
    }
)  # fmt: skip


_TYPE_OF_SANDBOXES = "9p"
"""As a root, this is a gVisor sandbox and no network: https://gvisor.dev/docs/user_guide/filesystem/ (2026-11-22)."""


def ensure_local_filesystem(database: Path, name: Path) -> None:
    """Raise WrongUseError if the folder of ``database`` is shared over a network."""
    try:
        mounts = MOUNTINFO.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return
    kind = mounted_type(database.parent, mounts)
    if kind in NETWORK_TYPES:
        raise WrongUseError(
            f"{name} is on a network file system ({kind}), where a database can be lost; "
            "name one on a disk of this machine with --db."
        )


def mounted_type(folder: Path, mounts: str) -> str | None:
    """Return the type of the file system that holds a folder, given the lines of ``mountinfo``; None for unknown.

    A mount hides what was mounted there before.
    """
    found: tuple[int, str | None] = (0, None)
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(" "), after.partition(" ")[0]
        if len(fields) < 5 or not kind:  # noqa: PLR2004 - the mount point is the fifth
            continue
        point = Path(_unescaped(fields[4]))
        if folder.is_relative_to(point) and len(point.parts) >= found[0]:
            is_sandbox = kind == _TYPE_OF_SANDBOXES and len(point.parts) == 1
            found = len(point.parts), None if is_sandbox else kind
    return found[1]


def _unescaped(field: str) -> str:
    """Return a mount point as it is called; white space and backslashes stand there in octal."""
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), field)
