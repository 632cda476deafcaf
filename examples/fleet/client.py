"""Sends tensors here or elsewhere: `client.py ENDPOINTS.json MODEL TENSORS.npz [OPTIONS]`

The arrays of the npz file have the names of the model's inputs; `numpy.savez("t.npz", bytes=rows)`
makes one. Needs `pip install triton-operator "tritonclient[grpc,http]"`.
"""

import argparse
import sys
import time

import numpy as np

from triton_operator.client import FleetClient, FleetError, NotServedLocally


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description="Send tensors to the endpoints of a fleet.")
    parser.add_argument("endpoints", help="a file such as endpoints.json beside this one")
    parser.add_argument("model")
    parser.add_argument("tensors", help="an npz file with an array per input")
    parser.add_argument("--deadline", type=float, default=1.0, help="seconds (default 1)")
    parser.add_argument("--times", type=int, default=10, help="how often (default 10)")
    parser.add_argument("--local-only", action="store_true", help="the data must not leave")
    return parser.parse_args()


def main() -> int:
    """One line per request, and counts at the end; 1 if one was not served."""
    asked = arguments()
    failed = 0
    try:
        with np.load(asked.tensors) as file:
            inputs = dict(file)
        client = FleetClient(asked.endpoints)
    except (FleetError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    with client:
        for _ in range(asked.times):
            started = time.perf_counter()
            try:
                answer = client.infer(
                    asked.model,
                    inputs,
                    deadline_seconds=asked.deadline,
                    local_only=asked.local_only,
                )
            except NotServedLocally as error:
                failed += 1
                print(f"kept here, and not served: {error}")
            except FleetError as error:
                failed += 1
                print(error)
            else:
                milliseconds = (time.perf_counter() - started) * 1000
                before = ", ".join(f"{one.cluster} {one.outcome}" for one in answer.attempts[:-1])
                print(f"{milliseconds:7.1f} ms  {answer.cluster}{before and f' after {before}'}")
        for cluster, outcomes in client.counts().attempts.items():
            print(cluster, ", ".join(f"{kind} {count}" for kind, count in outcomes.items()))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
