"""A cluster in use is not removed by another run."""

import pytest

from e2e.harness.errors import MachineInUseError
from e2e.harness.reservation import Reservation


def test_another_run_is_kept_out_until_the_end(tmp_path):
    mine = Reservation(tmp_path / "dev.use", "the cluster dev is in use")
    other = Reservation(tmp_path / "dev.use", "the cluster dev is in use")

    with mine.held(), pytest.raises(MachineInUseError, match="dev is in use"), other.held(0):
        pass
    with other.held(0):
        pass


def test_the_holder_may_take_it_again(tmp_path):
    mine = Reservation(tmp_path / "dev.use", "in use")
    other = Reservation(tmp_path / "dev.use", "in use")

    with mine.held():
        with mine.held(0):
            pass
        with pytest.raises(MachineInUseError), other.held(0):
            pass
