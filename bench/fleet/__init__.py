"""Placement over clusters: random inputs against its rules, and hours of a simulated fleet.

`random_fleets` draws inputs, `rules` says what a placement must never do. `weather` is what happens
to a fleet, `site` a cluster that scales itself, `policies` who decides, `simulation` plays one run;
`suite` plays many, `tables` and `files` show them.
"""
