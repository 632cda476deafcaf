"""The operator's autoscaler, KEDA and fixed fleets on a real cluster, under the same load."""
