"""The file system of a database is found in Linux's list of mounts."""

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
    ],
)
def test_the_nearest_and_latest_mount_says_what_a_folder_is_on(folder, kind):
    assert mounted_type(Path(folder), MOUNTS) == kind


@pytest.mark.parametrize("mounts", ["", "nonsense", "1 2 3 - ext4", "1 2 0:1 / / rw -"])
def test_a_list_that_makes_no_sense_tells_nothing(mounts):
    assert mounted_type(Path("/srv"), mounts) is None


def test_a_sandbox_whose_root_is_9p_is_no_network_but_a_folder_of_it_is():
    mounts = "1 0 0:1 / / rw - 9p none rw\n2 1 0:2 / /mnt/c rw - 9p drvfs rw"

    assert mounted_type(Path("/srv"), mounts) is None
    assert mounted_type(Path("/mnt/c/jobs"), mounts) == "9p"


@pytest.mark.parametrize("kind", sorted(NETWORK_TYPES - {"9p"}))
def test_a_database_on_a_network_file_system_is_refused_in_a_sentence(cli, folder, api, monkeypatch, kind):
    write_artists(folder / "a.csv", 3)
    (folder / "mountinfo").write_text(f"1 0 0:1 / / rw - {kind} server:/all rw")
    monkeypatch.setattr("artistjobs.store.sqlite.filesystem.MOUNTINFO", folder / "mountinfo")

    result = cli("run", "a.csv")

    assert result.exit_code == 2
    assert f"network file system ({kind})" in result.stderr
    assert "--db" in result.stderr
    assert {file.name for file in folder.iterdir()} == {"a.csv", "mountinfo"}
    assert api.journal.received == 0


def test_where_no_list_can_be_read_nothing_is_refused(cli, folder, monkeypatch):
    write_artists(folder / "a.csv", 3)
    monkeypatch.setattr("artistjobs.store.sqlite.filesystem.MOUNTINFO", folder / "none")

    assert cli("ingest", "a.csv").exit_code == 0
