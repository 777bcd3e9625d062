"""Checks of where a database file is: not on a network file system, and known by one name alone.

SQLite's write-ahead log and file locks are not reliable on a network. A file with two names has two logs. Mounts are
read from Linux's list; on other systems, such as macOS, no mount is detected or refused.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from artistjobs.errors import WrongUseError

MOUNTINFO = Path("/proc/self/mountinfo")


NETWORK_TYPES = frozenset(
    {
        # Servers and clusters of storage.
        "9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "cvfs", "davfs", "gfs2", "glusterfs", "gpfs", "lustre",
        "mfs", "moosefs", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "pvfs2", "smb3", "smbfs", "wekafs",
        # Folders of the host in a virtual machine; "fakeowner" is Docker Desktop's.
        "fakeowner", "grpcfuse", "osxfs", "prl_fs", "vboxsf", "virtiofs", "vmhgfs",
        # The same through FUSE.
        "fuse.alluxio-fuse", "fuse.beegfs", "fuse.blobfuse", "fuse.blobfuse2", "fuse.ceph", "fuse.cephfs",
        "fuse.davfs2", "fuse.fuse_dfs", "fuse.gcsfuse", "fuse.geesefs", "fuse.glusterfs", "fuse.goofys",
        "fuse.grpcfuse", "fuse.juicefs", "fuse.lizardfs", "fuse.mfs", "fuse.moosefs", "fuse.mount-s3", "fuse.osxfs",
        "fuse.portal", "fuse.prl_fsd", "fuse.rclone", "fuse.s3fs", "fuse.saunafs", "fuse.seaweedfs", "fuse.smbnetfs",
        "fuse.sshfs", "fuse.vmhgfs-fuse",
    }
)  # fmt: skip
"""Types as in the third field from the end of a line of ``mountinfo``, from the documentation of each file system."""


_TYPES_OF_SANDBOXES = frozenset({"9p", "virtiofs"})
"""As the root, these are a sandbox or a small virtual machine, not a network.

https://gvisor.dev/docs/user_guide/filesystem/ and https://virtio-fs.gitlab.io (2026-11-22)
"""


class _Mount(NamedTuple):
    point: Path
    kind: str


def ensure_safe_place(database: Path, name: Path) -> None:
    """Raise WrongUseError if a database may not be used where it is; ``database`` is its real path.

    That is on a network file system, and wherever the same file may be open under another name, beside which it has
    another log: a file with several hard links, and a file that is mounted alone, as into a container.
    """
    mounts = _mount_list()
    kind = mounted_type(database.parent, mounts)
    if kind in NETWORK_TYPES:
        raise WrongUseError(
            f"{name} is on a network file system ({kind}), where a database can be lost; "
            "name one on a local disk with --db."
        )
    if any(mount.point == database for mount in _mounts(mounts)):
        raise WrongUseError(
            f"{name} is a file that is mounted alone, so its log would not be beside the real file and would be lost "
            "with the container; mount the folder that holds it."
        )
    if (links := _links(database)) > 1:
        raise WrongUseError(
            f"{name} is one file with {links} names (hard links), and work under two names loses answers; remove the "
            f"others, which this command lists: find / -xdev -samefile {shlex.quote(str(database))}"
        )


def file_system(folder: Path) -> str | None:
    """Return the type of the file system of a folder, None if this system does not tell."""
    return mounted_type(folder, _mount_list())


def mounted_type(folder: Path, mounts: str) -> str | None:
    """Return the type of the file system of a folder, from the lines of ``mountinfo``; None if it is unknown.

    A later mount at the same point hides the earlier one.
    """
    found: tuple[int, str | None] = (0, None)
    for point, kind in _mounts(mounts):
        if folder.is_relative_to(point) and len(point.parts) >= found[0]:
            is_sandbox = kind in _TYPES_OF_SANDBOXES and len(point.parts) == 1
            found = len(point.parts), None if is_sandbox else kind
    return found[1]


def _links(database: Path) -> int:
    """Return the number of names of a file; 0 if there is none, or an error that opening it will report."""
    try:
        return database.stat().st_nlink
    except OSError:
        return 0


def _mount_list() -> str:
    """Return the lines of ``mountinfo``, none where there is no such list."""
    try:
        return MOUNTINFO.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def _mounts(mounts: str) -> Iterator[_Mount]:
    """Yield the mounts of ``mountinfo``; lines in another form are skipped."""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields, (kind, _, rest) = before.split(" "), after.partition(" ")
        if len(fields) >= 5 and kind:  # noqa: PLR2004 - the mount point is the fifth field
            yield _Mount(Path(_unescaped(fields[4])), _full_type(kind, rest.partition(" ")[0]))


def _full_type(kind: str, source: str) -> str:
    """Return the type with its subtype; a FUSE file system without a subtype is often named by its source."""
    return f"fuse.{re.split('[#:@]', source)[0].lower()}" if kind == "fuse" else kind


def _unescaped(field: str) -> str:
    """Return the path of a mount point; ``mountinfo`` escapes white space and backslashes in octal."""
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), field)
