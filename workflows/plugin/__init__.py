"""Be an executor plugin of Argo Workflows: stages and tests as runs of the webhook service, without a pod for each.

`calls` reads what the agent sends, `orders` turns it into an order for a run, `desk` starts, joins or repeats the run
and `endings` reads what came of it; `answers` is what the agent gets, `routes` the only file that knows HTTP.
"""
