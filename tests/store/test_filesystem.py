"""The file system of a database is found in Linux's list of mounts, and a database may have one name only."""

import os
import subprocess
from pathlib import Path

import pytest
from conftest import write_artists

from artistjobs.store.sqlite.filesystem import NETWORK_TYPES, mounted_type

MOUNTS = r"""
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
23 22 0:21 / /proc rw,relatime - proc proc rw
40 22 0:40 / /home rw shared:7 master:1 - nfs4 server:/home rw,vers=4.2
41 40 0:41 / /home/frida/local rw - xfs /dev/vdb rw
42 22 0:42 / /mnt/her\040share\134x rw - cifs //server/share rw
43 22 0:43 / /mnt/twice rw - nfs server:/twice rw
44 43 0:44 / /mnt/twice rw - tmpfs tmpfs rw
45 22 0:45 / /mnt/photos rw shared:9 - fuse.sshfs me@server:/photos rw
46 22 0:46 / /mnt/moose rw - fuse mfs#master:9421 rw
47 22 0:47 / /mnt/blob rw - fuse blobfuse2 rw
48 22 0:48 / /mnt/disk rw - fuse /dev/sdb1 rw
49 22 0:49 / /mnt/ntfs rw - fuseblk /dev/sdb2 rw
not a line of it
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/", "ext4"),
        ("/srv/jobs", "ext4"),
        ("/home", "nfs4"),
        ("/home/frida", "nfs4"),
        ("/homes", "ext4"),
        ("/home/frida/local/jobs", "xfs"),
        ("/mnt/her share\\x/jobs", "cifs"),
        ("/mnt/twice", "tmpfs"),
        ("/mnt/photos/2026", "fuse.sshfs"),
        ("/mnt/moose/jobs", "fuse.mfs"),
        ("/mnt/blob", "fuse.blobfuse2"),
        ("/mnt/ntfs", "fuseblk"),
    ],
)
def test_the_nearest_and_latest_mount_determines_the_file_system(folder, kind):
    assert mounted_type(Path(folder), MOUNTS) == kind


@pytest.mark.parametrize("mounts", ["", "nonsense", "1 2 3 - ext4", "1 2 0:1 / / rw -"])
def test_an_invalid_list_of_mounts_gives_no_result(mounts):
    assert mounted_type(Path("/srv"), mounts) is None


@pytest.mark.parametrize("kind", ["9p", "virtiofs"])
def test_a_sandbox_has_such_a_root_and_is_no_network_but_a_folder_of_it_is(kind):
    mounts = f"1 0 0:1 / / rw - {kind} none rw\n2 1 0:2 / /mnt/c rw - {kind} drvfs rw"

    assert mounted_type(Path("/srv"), mounts) is None
    assert mounted_type(Path("/mnt/c/jobs"), mounts) == kind


@pytest.mark.parametrize(
    "kind", ["virtiofs", "vboxsf", "fuse.vmhgfs-fuse", "fuse.mfs", "moosefs", "fuse.blobfuse2", "ocfs2", "gfs2"]
)
def test_shared_folders_of_virtual_machines_and_file_systems_of_clusters_are_networks(kind):
    assert kind in NETWORK_TYPES


@pytest.mark.parametrize("kind", sorted(NETWORK_TYPES))
def test_a_database_on_a_network_file_system_is_refused_in_a_sentence(cli, folder, api, monkeypatch, kind):
    write_artists(folder / "a.csv", 3)
    (folder / "mountinfo").write_text(f"1 0 0:1 / / rw - ext4 x rw\n2 1 0:2 / {folder} rw - {kind} server:/all rw")
    monkeypatch.setattr("artistjobs.store.sqlite.filesystem.MOUNTINFO", folder / "mountinfo")

    result = cli("run", "a.csv")

    assert result.exit_code == 2
    assert f"network file system ({kind})" in result.stderr
    assert "--db" in result.stderr
    assert {file.name for file in folder.iterdir()} == {"a.csv", "mountinfo"}
    assert api.journal.received == 0


def test_without_a_list_of_mounts_nothing_is_refused(cli, folder, monkeypatch):
    write_artists(folder / "a.csv", 3)
    monkeypatch.setattr("artistjobs.store.sqlite.filesystem.MOUNTINFO", folder / "none")

    assert cli("ingest", "a.csv").exit_code == 0


def assert_refused_for_its_names(cli, path, remedy):
    for command in (["status"], ["work"], ["run", "a.csv"], ["export"], ["run", "a.csv", "--dry-run"]):
        result = cli("--db", path, *command)

        assert result.exit_code == 2, command
        assert remedy in result.stderr


def test_a_database_with_two_names_is_refused_under_each_of_them(cli, folder, api):
    write_artists(folder / "a.csv", 3)
    cli("--db", "jobs.db", "ingest", "a.csv")
    os.link("jobs.db", "other.db")
    (folder / "link.db").symlink_to("jobs.db")

    for path in ("jobs.db", "other.db", "link.db"):
        assert_refused_for_its_names(cli, path, "find / -xdev -samefile")
    assert api.journal.received == 0

    (folder / "other.db").unlink()
    assert cli("--db", "jobs.db", "status").exit_code == 0


def test_a_link_to_a_database_is_no_second_name(cli, folder):
    write_artists(folder / "a.csv", 3)
    cli("--db", "jobs.db", "run", "a.csv")
    (folder / "link.db").symlink_to("jobs.db")

    assert cli("--db", "link.db", "work").exit_code == 0


def test_a_file_that_is_mounted_alone_is_refused_and_its_folder_is_not(cli, folder, api, monkeypatch):
    write_artists(folder / "a.csv", 3)
    cli("--db", "jobs.db", "ingest", "a.csv")
    mounts = folder / "mountinfo"
    monkeypatch.setattr("artistjobs.store.sqlite.filesystem.MOUNTINFO", mounts)
    mounts.write_text(f"1 0 0:1 / / rw - ext4 x rw\n2 1 0:1 /x/jobs.db {folder}/jobs.db rw - ext4 x rw")

    assert_refused_for_its_names(cli, "jobs.db", "mount the folder that holds it")
    assert api.journal.received == 0

    mounts.write_text(f"1 0 0:1 / / rw - ext4 x rw\n2 1 0:1 /x {folder} rw - ext4 x rw")
    assert cli("--db", "jobs.db", "run", "a.csv").exit_code == 0


def test_a_real_mount_of_a_file_alone_is_refused(cli, folder):
    write_artists(folder / "a.csv", 3)
    cli("--db", "jobs.db", "ingest", "a.csv")
    (folder / "in container.db").touch()
    mount = ["mount", "--bind", "jobs.db", "in container.db"]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount, and not in every container")
    try:
        assert_refused_for_its_names(cli, "in container.db", "mount the folder that holds it")
    finally:
        subprocess.run(["umount", "in container.db"], check=True)
