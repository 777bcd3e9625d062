"""Detection of network file systems, where SQLite's write-ahead log and file locks are not reliable.

The type is read from Linux's list of mounts. On other systems, such as macOS, nothing is detected or refused.
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
"""As the root, this is a gVisor sandbox, not a network: https://gvisor.dev/docs/user_guide/filesystem/ (2026-11-22)."""


def ensure_local_filesystem(database: Path, name: Path) -> None:
    """Raise WrongUseError if the folder of ``database`` is on a network file system."""
    try:
        mounts = MOUNTINFO.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return
    kind = mounted_type(database.parent, mounts)
    if kind in NETWORK_TYPES:
        raise WrongUseError(
            f"{name} is on a network file system ({kind}), where a database can be lost; "
            "name one on a local disk with --db."
        )


def mounted_type(folder: Path, mounts: str) -> str | None:
    """Return the type of the file system of a folder, from the lines of ``mountinfo``; None if it is unknown.

    A later mount at the same point hides the earlier one.
    """
    found: tuple[int, str | None] = (0, None)
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(" "), after.partition(" ")[0]
        if len(fields) < 5 or not kind:  # noqa: PLR2004 - the mount point is the fifth field
            continue
        point = Path(_unescaped(fields[4]))
        if folder.is_relative_to(point) and len(point.parts) >= found[0]:
            is_sandbox = kind == _TYPE_OF_SANDBOXES and len(point.parts) == 1
            found = len(point.parts), None if is_sandbox else kind
    return found[1]


def _unescaped(field: str) -> str:
    """Return the path of a mount point; ``mountinfo`` escapes white space and backslashes in octal."""
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), field)
