"""Autoscalers against traffic, on simulated Triton replicas.

`traces` makes arrivals, `replicas` answers them (compiled), `simulation` lets a policy decide from
what `view` shows of them. `policies` are the others, `oracle` is who knows the future, `faults`
is what goes wrong. `suite` plays everything, `summary` and `findings` compare, `tables`, `plots`
and `files` show it.
"""
