"""Run the two versions on Kubernetes: the target is the canary, a copy of it beside it is the primary.

`workload` and `services` speak to the cluster; what is wanted of each object stands apart, as functions of manifests.
"""
