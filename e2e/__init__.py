"""End-to-end tests on a real cluster, and the harness that starts one."""
