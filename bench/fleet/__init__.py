"""Placement over clusters: random inputs against its rules, and hours of a simulated fleet.

`random_fleets` draws inputs, `rules` says what a placement must never do. `world` is clusters that
scale themselves and a link that fails, `weather` what happens to them, `policies` who decides;
`run` plays, `summary`, `tables` and `files` show it.
"""
