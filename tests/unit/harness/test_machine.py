"""Reading what the kernel says about mounts and cgroups."""

from pathlib import Path

from e2e.harness import cgroups
from e2e.harness.cgroups import hierarchies
from e2e.harness.mounts import parse_mountinfo

HYBRID = """\
29 23 0:25 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory
30 23 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
31 23 8:1 / /mnt/with\\040space rw shared:1 - ext4 /dev/sda1 rw
"""


def test_mount_points_with_escapes():
    assert parse_mountinfo(HYBRID)[-1] == Path("/mnt/with space")


def test_cgroup_versions():
    assert hierarchies(HYBRID) == [
        (Path("/sys/fs/cgroup/memory"), False),
        (Path("/sys/fs/cgroup/unified"), True),
    ]


def test_pods_are_favoured_for_a_while_only(tmp_path, monkeypatch):
    for version, file, usual in ((1, "cpu.shares", "1024\n"), (2, "cpu.weight", "100\n")):
        folder = tmp_path / str(version)
        folder.mkdir()
        (folder / file).write_text(usual)
        monkeypatch.setattr(cgroups, "folders", lambda _, folder=folder: [folder])

        with cgroups.favoured("pods"):
            assert int((folder / file).read_text()) == 100 * int(usual)

        assert (folder / file).read_text() == usual
