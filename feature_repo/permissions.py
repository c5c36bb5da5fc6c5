"""Who may do what on a Feast server with ``auth: {type: kubernetes}``; a store on one machine asks nobody.

By namespace, not by role: Feast 0.67 looks up the roles of whoever a token *says* it is from, without checking its
signature. What the API server itself says of a token (its namespace, its groups) cannot be made up.
"""

from feast.permissions.action import READ, AuthzedAction
from feast.permissions.permission import Permission
from feast.permissions.policy import NamespaceBasedPolicy

read = Permission(
    name="read",
    policy=NamespaceBasedPolicy(namespaces=["models", "features"]),
    actions=[AuthzedAction.DESCRIBE, *READ],
)
write = Permission(name="write", policy=NamespaceBasedPolicy(namespaces=["features"]))
