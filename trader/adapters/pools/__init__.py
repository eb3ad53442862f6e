"""Pools beyond the threads of one process (`ml/pool.py`): worker processes of this machine, or a Dask cluster.

processes     worker processes, each of which gets the data once
cluster       workers of a Dask cluster, which get the data once
environment   what client and workers of a cluster must agree on
resubmission  tasks that outlive the workers they were lost with
"""
