"""Reading what the kernel says about mounts and cgroups."""

from pathlib import Path

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
