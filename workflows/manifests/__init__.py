"""Write the YAML that others read: pipelines, rights, and what GitOps tools must leave alone.

The rule to keep: everything here is a pure function of a plan; the files that ship are what these functions wrote.
"""
